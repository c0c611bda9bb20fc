"""Opening files below a bot's data folder without following links: nothing that a bot puts there leads elsewhere."""

import errno
import os
import stat
from contextlib import ExitStack
from typing import BinaryIO

from butt.hosts.interface import Folder


def opened(folder: Folder, name: str) -> BinaryIO | None:
    """A file below the data folder, unbuffered, or None if there is none. A link in the path is an error."""
    number = descriptor(folder, name)
    if number is None:
        return None
    if not stat.S_ISREG(os.fstat(number).st_mode):
        os.close(number)
        raise OSError(errno.EINVAL, "it is not a regular file")
    return open(number, "rb", buffering=0)  # noqa: PTH123 - it has no path any more


def descriptor(folder: Folder, name: str, kind: int = 0) -> int | None:
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    *folders, last = name.split("/")
    with ExitStack() as stack:
        try:
            place = os.open(folder.data, flags | os.O_DIRECTORY)
            stack.callback(os.close, place)
            for step in folders:
                place = os.open(step, flags | os.O_DIRECTORY, dir_fd=place)
                stack.callback(os.close, place)
            return os.open(last, flags | kind, dir_fd=place)
        except FileNotFoundError:
            return None
