"""Packing files into a tar as they are read, with a size that is known before the first byte."""

import tarfile
from collections.abc import Iterable, Iterator

from butt.exports.bundle import FileGone, Item

BLOCK = 512
END = 2 * BLOCK
_ZEROS = bytes(1 << 16)


class Shrunk(Exception):
    """A file ended before its size; what was sent of it is useless."""


def entry_size(size: int) -> int:
    """How many bytes a file of `size` bytes takes in a tar, with its header."""
    return BLOCK + size + -size % BLOCK


def packed(items: Iterable[Item], total: int, at: int) -> Iterator[bytes]:
    """A tar of `total` bytes; `at` is the files' time, in seconds since 1970.

    A file that has gone meanwhile is left out, and zeros at the end, which every tar has, fill its space.
    """
    left = total - END
    for item in items:
        if entry_size(item.size) > left:
            continue
        try:
            chunks = item.read()
        except FileGone:
            continue
        left -= entry_size(item.size)
        yield _head(item, at)
        yield from exactly(chunks, item.size)
        yield bytes(-item.size % BLOCK)
    left += END
    while left > 0:
        yield _ZEROS[:left]
        left -= len(_ZEROS)


def exactly(chunks: Iterable[bytes], size: int) -> Iterator[bytes]:
    """The chunks, which must be `size` bytes in total. Raises `Shrunk` at the end if they are fewer."""
    for chunk in chunks:
        size -= len(chunk)
        yield chunk
    if size:
        raise Shrunk(f"{size} bytes are missing")


def _head(item: Item, at: int) -> bytes:
    info = tarfile.TarInfo(item.name)
    info.size, info.mtime = item.size, at
    info.mode = 0o600
    return info.tobuf(tarfile.GNU_FORMAT)
