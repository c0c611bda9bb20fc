"""Reading a folder that another program writes to, and measuring it.

Needs the standard library alone: machines get this file as it is.
"""

import errno
import os
import stat
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

BLOCK, UNIT = 4096, 512


def opened(folder: Path | str, name: str) -> BinaryIO | None:
    """Open a file below `folder`, unbuffered; None if there is none.

    Nothing in the folder leads elsewhere: a link in the path is an error, as is anything but a regular file.
    Raises OSError.
    """
    number = descriptor(folder, name)
    if number is None:
        return None
    if not stat.S_ISREG(os.fstat(number).st_mode):
        os.close(number)
        raise OSError(errno.EINVAL, "it is not a regular file")
    return open(number, "rb", buffering=0)  # noqa: PTH123 - it has no path any more


def descriptor(folder: Path | str, name: str, kind: int = 0) -> int | None:
    """Open something below `folder` without following links, and return its descriptor; None if it is not there.

    `kind` is `os.O_DIRECTORY` for a folder. Raises OSError.
    """
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    *folders, last = name.split("/")
    with ExitStack() as stack:
        try:
            place = os.open(folder, flags | os.O_DIRECTORY)
            stack.callback(os.close, place)
            for step in folders:
                place = os.open(step, flags | os.O_DIRECTORY, dir_fd=place)
                stack.callback(os.close, place)
            return os.open(last, flags | kind, dir_fd=place)
        except FileNotFoundError:
            return None


def entries(folder: Path | str) -> list["os.DirEntry[str]"]:
    """List a folder; empty if it cannot be read, since folders may come and go meanwhile."""
    try:
        with os.scandir(folder) as found:
            return list(found)
    except OSError:
        return []


def taken_below(folder: Path | str) -> int:
    """Count the bytes of the disk that everything in `folder` takes. Links are not followed."""
    total = 0
    for entry in entries(folder):
        total += _taken(entry)
        if entry.is_dir(follow_symlinks=False):
            total += taken_below(entry.path)
    return total


def _taken(entry: "os.DirEntry[str]") -> int:
    """In whole blocks, without the holes of a file and what a file system reserves beyond its end."""
    try:
        status = entry.stat(follow_symlinks=False)
    except OSError:
        return 0
    return min(-(-status.st_size // BLOCK) * BLOCK, status.st_blocks * UNIT)
