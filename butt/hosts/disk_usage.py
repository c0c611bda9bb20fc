"""How much of the disk a folder takes."""

import os
from pathlib import Path

BLOCK, UNIT = 4096, 512


def taken_below(folder: Path | str) -> int:
    """The bytes that everything in `folder` takes. Files may come and go meanwhile, and links are not followed."""
    total = 0
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                total += _taken(entry)
                if entry.is_dir(follow_symlinks=False):
                    total += taken_below(entry.path)
    except OSError:
        return total
    return total


def _taken(entry: "os.DirEntry[str]") -> int:
    """In whole blocks, without the holes of a file and what a file system reserves beyond its end."""
    try:
        there = entry.stat(follow_symlinks=False)
    except OSError:
        return 0
    return min(-(-there.st_size // BLOCK) * BLOCK, there.st_blocks * UNIT)
