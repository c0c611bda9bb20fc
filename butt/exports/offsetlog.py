"""The pub's log as it lies on disk: `length, record, length, end of the file so far`, again and again.

Numbers are of 4 bytes, big-endian. A pub that writes leaves a last record unfinished for a moment, and a crash
may leave it so; whoever reads stops before it. Anything else that does not fit is damage.
"""

import re
from dataclasses import dataclass
from struct import Struct
from typing import BinaryIO

BLOCK = 1 << 20
LONGEST_RECORD = 1 << 20
SHORTEST_RECORD = 2
FRAME = 12

_LENGTH, _ENDS = Struct(">I"), Struct(">II")

# Only these two orders have ever been valid in a feed, so no text inside a message is taken for its head.
_HEAD = re.compile(
    rb'\{"key":"%[^"]{1,99}","value":\{"previous":(?:null|"%[^"]{1,99}"),'
    rb'(?:"sequence":(\d{1,15}),"author":"([^"]{1,99})"|"author":"([^"]{1,99})","sequence":(\d{1,15})),'
)


@dataclass(frozen=True)
class Survey:
    """What a walk through a log found.

    Up to `whole` bytes every record is whole: there are `records` of them, and `sequence` is the highest of the
    author that was asked for. `damaged` says that more records follow after one that is broken.
    """

    whole: int
    records: int
    sequence: int
    damaged: bool


def survey(file: BinaryIO, size: int, author: str = "") -> Survey:
    """Walk the first `size` bytes of a log, from its start. Memory is bounded by `LONGEST_RECORD`."""
    file.seek(0)
    who = author.encode()
    position = records = sequence = 0
    rest, sound = b"", True
    while sound and (block := file.read(min(BLOCK, size - position - len(rest)))):
        data, here = rest + block, 0
        while len(data) - here >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(data, here)
            end = here + length + FRAME
            sound = SHORTEST_RECORD <= length <= LONGEST_RECORD
            if not sound or end > len(data):
                break
            sound = _ENDS.unpack_from(data, end - 8) == (length, position + end) and _is_sound(
                data, here + 4, end - 8
            )
            if not sound:
                break
            records += 1
            sequence = max(sequence, _sequence_of(who, data, here + 4, end - 8))
            here = end
        position, rest = position + here, data[here:]
    return Survey(position, records, sequence, position < size and _goes_on(file, position, size))


def _is_sound(data: bytes, begin: int, end: int) -> bool:
    """A JSON object, or a record that was deleted by writing zeros over it."""
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
    """Whether a record ends after `begin`, by the rule with which the pub itself finds the last one: an end is
    where the 4 bytes before it tell its own place. The upper half of a place stays the same for 64 KiB. Nearer than the
    shortest record there is no end, only a length that may happen to be the number of its own place.
    """
    for upper in range(begin >> 16, (size >> 16) + 1):
        first, last = max(begin + FRAME + SHORTEST_RECORD, upper << 16), min(size, (upper << 16) + 0xFFFF)
        file.seek(first - 4)
        data = file.read(last - first + 4)
        wanted = upper.to_bytes(4)[-2:]
        found = data.find(wanted)
        while found >= 0:
            place = first + found
            if data[found + 2 : found + 4] == (place & 0xFFFF).to_bytes(2):
                return True
            found = data.find(wanted, found + 1)
    return False
