"""The file `flume/log.offset`, the source of truth from which everything else in its folder can be rebuilt."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from struct import Struct
from typing import Final, Self

from scuttlekit.files import sync
from scuttlekit.offsetlog import FRAME, HEADER, LONGEST_RECORD, SHORTEST_RECORD, cut, framed, last_end

PIECE: Final = 1 << 18
"""Bytes read at a time."""

_NEAR: Final = 1 << 12
_LENGTH, _ENDS = Struct(">I"), Struct(">II")


class LogDamaged(Exception):
    """The log is unreadable at some point before its last record."""

    def __init__(self, path: Path, offset: int, what: str) -> None:
        super().__init__(
            f"The log {path} is damaged at byte {offset}: {what}. Restore an undamaged copy of it that is not older."
        )
        self.offset = offset


class Misplaced(Exception):
    """There is no record at the given offset: the log is damaged, or the offset is wrong."""


class Log:
    """The log, open for this process only. A record is identified by its offset, the byte where its frame begins."""

    def __init__(self, path: Path, number: int, end: int, *, mended: bool) -> None:
        self.path = path
        self.end = end
        """Where the last complete record ends, and the next one begins."""
        self.mended = mended
        """Whether an incomplete record was cut off when it was opened."""
        self._number = number
        self.lasting = 0
        """The log is on disk up to this byte, as far as this process has synced it."""

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open or create the log. An incomplete last record is cut off. Raises LogDamaged, OSError."""
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        is_new = not path.exists()
        number = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            if is_new:
                sync(path.parent)
            size = os.fstat(number).st_size
            end = _last_end(path, number, size)
            if end < size:
                os.ftruncate(number, end)
            return cls(path, number, end, mended=end < size)
        except BaseException:
            os.close(number)
            raise

    def append(self, records: Sequence[bytes]) -> list[int]:
        """Append records, and return their offsets. Raises OSError, and then none of them was added."""
        data, offsets = framed(records, self.end)
        try:
            self._write(data, self.end)
        except OSError:
            self.take_back(self.end)
            raise
        self.end += len(data)
        return offsets

    def take_back(self, end: int) -> None:
        """Cut off everything after byte `end`."""
        self.end = end
        os.ftruncate(self._number, end)

    def sync(self) -> None:
        """Sync the log to disk. May be called in another thread."""
        end = self.end
        os.fdatasync(self._number)
        self.lasting = max(self.lasting, end)

    def has_end(self, offset: int) -> bool:
        """Whether a record ends at `offset`, or `offset` is 0."""
        if offset == 0 or not FRAME <= offset <= self.end:
            return offset == 0
        return _LENGTH.unpack(self._read(offset - 4, 4)) == (offset,)

    def read(self, offset: int) -> bytes:
        """The record at `offset`. Raises Misplaced."""
        (record,) = self.read_many([offset])
        return record

    def read_many(self, offsets: Sequence[int], most: int | None = None) -> list[bytes]:
        """Read the records at these offsets, at most `most` bytes but at least one record. Ascending
        neighbours are read at once.

        Raises Misplaced.
        """
        records: list[bytes] = []
        held, begins = b"", 0
        taken = 0
        for number, offset in enumerate(offsets):
            here = offset - begins
            if not 0 <= here <= len(held) - HEADER:
                held, begins, here = self._read(offset, self._reach(offsets, number)), offset, 0
            if len(held) < HEADER:
                raise Misplaced
            (length,) = _LENGTH.unpack_from(held, here)
            if not SHORTEST_RECORD <= length <= LONGEST_RECORD or offset + length + FRAME > self.end:
                raise Misplaced
            end = here + length + FRAME
            if end > len(held):
                size = max(length + FRAME, self._reach(offsets, number))
                held, begins, here, end = self._read(offset, size), offset, 0, length + FRAME
            if _ENDS.unpack_from(held, end - 8) != (length, offset + length + FRAME):
                raise Misplaced
            taken += length
            if most is not None and taken > most and records:
                break
            records.append(held[here + HEADER : end - 8])
        return records

    def _reach(self, offsets: Sequence[int], number: int) -> int:
        """How many bytes to read from an offset, so that the next nearby ones are included."""
        first = last = offsets[number]
        while number + 1 < len(offsets) and 0 < offsets[number + 1] - last <= _NEAR and last - first < PIECE:
            number += 1
            last = offsets[number]
        return last - first + _NEAR

    def forwards(self, offset: int) -> Iterator[tuple[int, bytes]]:
        """Yield each record from `offset` on with its offset, including deleted ones. Raises LogDamaged."""
        rest = b""
        while offset < self.end:
            block = self._read(offset + len(rest), PIECE)
            data = rest + block
            spans, reach, sound = cut(data, offset)
            for begin, end in spans:
                yield offset + begin - HEADER, data[begin:end]
            offset, rest = offset + reach, data[reach:]
            if not sound or (not block and offset < self.end):
                raise LogDamaged(self.path, offset, "no whole record begins there, though more follow")

    def close(self) -> None:
        os.close(self._number)

    def _read(self, offset: int, size: int) -> bytes:
        return os.pread(self._number, min(size, self.end - offset), offset)

    def _write(self, data: bytes, offset: int) -> None:
        view = memoryview(data)
        while view:
            written = os.pwrite(self._number, view, offset)
            view, offset = view[written:], offset + written


def _last_end(path: Path, number: int, size: int) -> int:
    with open(number, "rb", buffering=0, closefd=False) as file:
        end = last_end(file, size)
    if end == 0 and size > LONGEST_RECORD + FRAME:
        raise LogDamaged(path, 0, f"none of its {size} bytes is the end of a record")
    return end
