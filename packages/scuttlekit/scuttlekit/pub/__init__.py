"""A pub: the program that `python -m scuttlekit.pub CONFIG.json` starts."""
