"""The pub: the program started by `python -m scuttlekit.pub CONFIG.json`."""
