"""What bots run: a source is a folder with a lockfile, for Node or for Python. A release is a source that was built."""
