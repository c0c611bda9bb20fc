"""The log on disk, in the format of flumelog-offset: a sequence of `length, record, length, end`.

Each number has 4 bytes, big-endian. `end` is the size of the file up to and including itself. While a record
is being written, and after a crash, the last record may be incomplete: readers stop before it. Any other
mismatch is damage. A record of zeros was deleted, and is skipped.

Source: https://github.com/flumedb/flumelog-offset#recoverable

Needs the standard library alone: machines get this file as it is.
"""

import errno
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from struct import Struct
from typing import BinaryIO, NamedTuple

BLOCK = 1 << 20
LONGEST_RECORD = 1 << 20
SHORTEST_RECORD = 2
FRAME = 12
HEADER = 4
MAX_SIZE = (1 << 32) - 1
"""The largest log in bytes, since `end` has 32 bits."""

_LENGTH, _ENDS = Struct(">I"), Struct(">II")

# Only these two field orders have ever been valid in a feed, so text inside a message cannot be mistaken for its head.
_HEAD = re.compile(
    rb'\{"key":"%[^"]{1,99}","value":\{"previous":(?:null|"%[^"]{1,99}"),'
    rb'(?:"sequence":(\d{1,15}),"author":"([^"]{1,99})"|"author":"([^"]{1,99})","sequence":(\d{1,15})),'
)


@dataclass(frozen=True)
class Survey:
    """The result of a walk through a log.

    Every record in the first `whole` bytes is complete. There are `records` of them, and `sequence` is the
    highest of the given author. `damaged` says whether more records follow after a broken one.
    """

    whole: int
    records: int
    sequence: int
    damaged: bool


class Piece(NamedTuple):
    """The result of `cut` on a piece of a log."""

    spans: list[tuple[int, int]]
    """Where each complete record begins and ends in the piece, without its frame."""
    reach: int
    """How many bytes of the piece the complete records take up."""
    sound: bool
    """Whether the rest may be the beginning of a record."""


def framed(records: Iterable[bytes], at: int) -> tuple[bytes, list[int]]:
    """Return the bytes that append `records` to a log of `at` bytes, and the offset of each record.

    Raises ValueError for a record whose length no reader accepts, and OSError (EFBIG) if the log would be too
    long.
    """
    parts: list[bytes] = []
    offsets: list[int] = []
    for record in records:
        length = len(record)
        if not SHORTEST_RECORD <= length <= LONGEST_RECORD:
            raise ValueError(f"a record must have {SHORTEST_RECORD} to {LONGEST_RECORD} bytes, not {length}")
        offsets.append(at)
        at += length + FRAME
        if at > MAX_SIZE:
            raise OSError(errno.EFBIG, f"the log's format ends at {MAX_SIZE} bytes")
        parts += _LENGTH.pack(length), record, _ENDS.pack(length, at)
    return b"".join(parts), offsets


def cut(data: bytes, at: int) -> Piece:
    """Cut `data`, which begins with a record at byte `at` of a log, into its complete records."""
    spans, here, sound = [], 0, True
    while len(data) - here >= HEADER:
        (length,) = _LENGTH.unpack_from(data, here)
        end = here + length + FRAME
        sound = SHORTEST_RECORD <= length <= LONGEST_RECORD
        if not sound or end > len(data):
            break
        sound = _ENDS.unpack_from(data, end - 8) == (length, at + end) and _is_sound(
            data, here + HEADER, end - 8
        )
        if not sound:
            break
        spans.append((here + HEADER, end - 8))
        here = end
    return Piece(spans, here, sound)


def survey(file: BinaryIO, size: int, author: str = "") -> Survey:
    """Walk the first `size` bytes of a log. Memory is bounded by `LONGEST_RECORD`."""
    file.seek(0)
    who = author.encode()
    position = records = sequence = 0
    rest, sound = b"", True
    while sound and (block := file.read(min(BLOCK, size - position - len(rest)))):
        data = rest + block
        spans, reach, sound = cut(data, position)
        records += len(spans)
        sequence = max(sequence, *(_sequence_of(who, data, begin, end) for begin, end in spans), 0)
        position, rest = position + reach, data[reach:]
    return Survey(position, records, sequence, position < size and _goes_on(file, position, size))


def last_end(file: BinaryIO, size: int) -> int:
    """Find where the last record in the first `size` bytes ends, searching backwards. Anything after it is incomplete.

    A record ends where the 4 bytes before hold that position, which is flumelog-offset's own rule. Returns 0
    if there is none.
    """
    for upper in range(size >> 16, -1, -1):
        if ends := list(_ends_in(file, upper, FRAME + SHORTEST_RECORD, size)):
            return ends[-1]
    return 0


def newest_of(file: BinaryIO, size: int, author: str, within: int) -> tuple[int, bytes]:
    """Find the last record of an author among those that lie entirely in the last `within` bytes.

    `size` is the size of the log. Returns the message's sequence and the record, or `(0, b"")` if there is no such
    record. Only the head of each record is checked.
    """
    who, end = author.encode(), last_end(file, size)
    first = max(0, end - within)
    file.seek(first)
    data = file.read(end - first)
    here = len(data)
    while here >= FRAME + SHORTEST_RECORD:
        length, stated_end = _ENDS.unpack_from(data, here - 8)
        begin = here - 8 - length
        if stated_end != first + here or begin < HEADER or length < SHORTEST_RECORD:
            break
        if sequence := _sequence_of(who, data, begin, here - 8):
            return sequence, data[begin : here - 8]
        here = begin - HEADER
    return 0, b""


def is_deleted(record: bytes) -> bool:
    """Whether a record was deleted by writing zeros over it."""
    return not any(record)


def _is_sound(data: bytes, begin: int, end: int) -> bool:
    """Whether a record is a JSON object, or was deleted by writing zeros over it."""
    zeros = data.count(0, begin, end)
    if zeros:
        return zeros == end - begin
    return data[begin] == ord("{") and data[end - 1] == ord("}")


def _sequence_of(who: bytes, data: bytes, begin: int, end: int) -> int:
    head = _HEAD.match(data, begin, end)
    if not head or (head[2] or head[3]) != who:
        return 0
    return int(head[1] or head[4])


def _goes_on(file: BinaryIO, begin: int, size: int) -> bool:
    """Whether a record ends after `begin`. Positions nearer than the shortest record are not checked, because
    a length there may happen to equal its own position.
    """
    least = begin + FRAME + SHORTEST_RECORD
    return any(
        True for upper in range(begin >> 16, (size >> 16) + 1) for _ in _ends_in(file, upper, least, size)
    )


def _ends_in(file: BinaryIO, upper: int, least: int, size: int) -> Iterator[int]:
    """Yield positions from `least` to `size` that the 4 bytes before them hold, and whose upper half is
    `upper`. The upper half is the same for 64 KiB.
    """
    first, last = max(least, upper << 16), min(size, (upper << 16) + 0xFFFF)
    if last < first:
        return
    file.seek(first - 4)
    data = file.read(last - first + 4)
    wanted = upper.to_bytes(4, "big")[-2:]
    found = data.find(wanted)
    while found >= 0:
        place = first + found
        if data[found + 2 : found + 4] == (place & 0xFFFF).to_bytes(2, "big"):
            yield place
        found = data.find(wanted, found + 1)
