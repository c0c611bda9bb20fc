"""What bots run: a source is a folder with what it depends on in a lockfile, for Node or Python; a release is one built."""
