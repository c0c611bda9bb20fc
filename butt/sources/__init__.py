"""What bots run: a source is a folder with a `package.json` and its lockfile; a release is one built."""
