"""Decompression of Snappy, which LevelDB uses in its tables.

Source: https://github.com/google/snappy/blob/main/format_description.txt
"""

from typing import Final

from scuttlekit.errors import InvalidFormat

_LITERAL: Final = 0
_FAR_COPIES: Final = {2: 2, 3: 4}
"""How many bytes the offset has, by kind."""
_NEAR_COPY: Final = 1
_SHORT_LITERAL: Final = 60


def decompress(data: bytes, most: int) -> bytes:
    """Decompress `data`. Raises InvalidFormat, also if the result has more than `most` bytes."""
    length, at = read_varint(data, 0)
    if length > most:
        raise InvalidFormat(f"compressed data of {length} bytes is longer than {most}")
    found = bytearray()
    while at < len(data) and len(found) <= length:
        tag = data[at]
        kind, rest = tag & 3, tag >> 2
        at += 1
        if kind == _LITERAL:
            size, at = _literal_size(data, rest, at)
            found += _cut(data, at, size)
            at += size
            continue
        if kind == _NEAR_COPY:
            offset, size = (rest >> 3) << 8 | _number(data, at, 1), (rest & 7) + 4
            at += 1
        else:
            offset, size = _number(data, at, _FAR_COPIES[kind]), rest + 1
            at += _FAR_COPIES[kind]
        if not 0 < offset <= len(found):
            raise InvalidFormat("compressed data refers to bytes that do not exist")
        piece = found[-offset : len(found) - offset + size]
        # A copy may overlap its own output, and then it repeats.
        found += (piece * (size // len(piece) + 1))[:size]
    if len(found) != length:
        raise InvalidFormat(f"compressed data has {len(found)} bytes and not {length}")
    return bytes(found)


def read_varint(data: bytes, at: int) -> tuple[int, int]:
    """Read a number of at most 64 bits, seven per byte, lowest first. Returns it and the position after it."""
    number = 0
    for shift in range(0, 64, 7):
        byte = _number(data, at, 1)
        at += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:  # noqa: PLR2004 - the highest bit says whether another byte follows
            return number, at
    raise InvalidFormat("a number is longer than 64 bits")


def _literal_size(data: bytes, size: int, at: int) -> tuple[int, int]:
    if size < _SHORT_LITERAL:
        return size + 1, at
    width = size - _SHORT_LITERAL + 1
    return _number(data, at, width) + 1, at + width


def _number(data: bytes, at: int, width: int) -> int:
    return int.from_bytes(_cut(data, at, width), "little")


def _cut(data: bytes, at: int, size: int) -> bytes:
    piece = data[at : at + size]
    if len(piece) != size:
        raise InvalidFormat("compressed data ends too early")
    return piece
