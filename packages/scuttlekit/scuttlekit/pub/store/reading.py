"""Reading messages out of the log, at the offsets that the index tells."""

from collections.abc import Callable, Sequence
from typing import Final

from scuttlekit.errors import InvalidFormat
from scuttlekit.offsetlog import is_deleted
from scuttlekit.pub.store.log import Log, LogDamaged, Misplaced
from scuttlekit.pub.store.records import IndexEntry, Stored, entry_of, stored

MOST_BYTES: Final = 1 << 20
"""What one reading gives at most, in bytes, though always one message."""


class Reader:
    """Reads the log. Where it is damaged, `fail` hears of it."""

    def __init__(self, log: Log, fail: Callable[[Exception], None]) -> None:
        self._log = log
        self._fail = fail

    def read(self, offsets: Sequence[int]) -> tuple[list[Stored], list[int]]:
        """The messages at these offsets, and which of the records were deleted. Raises Misplaced, LogDamaged."""
        found: list[Stored] = []
        deleted: list[int] = []
        for offset, record in zip(offsets, self._log.read_many(offsets, MOST_BYTES), strict=False):
            if 0 in record and is_deleted(record):
                deleted.append(offset)
            elif 0 in record:
                raise self._damaged(offset, "the record there has zeros in it")
            else:
                found.append(self._message(record, offset))
        return found, deleted

    def entry_at(self, offset: int) -> IndexEntry | None:
        """What the record at an offset is to the index; None if it is no message. Raises Misplaced, LogDamaged."""
        return self.entry(self._log.read(offset), offset)

    def entry(self, record: bytes, offset: int) -> IndexEntry | None:
        """What a record is to the index; None if it is no message, or was deleted. Raises LogDamaged."""
        if is_deleted(record):
            return None
        try:
            return entry_of(record)
        except InvalidFormat as error:
            raise self._damaged(offset, f"the record there is {error}") from None

    def _message(self, record: bytes, offset: int) -> Stored:
        try:
            one = stored(record, offset)
        except InvalidFormat as error:
            raise self._damaged(offset, f"the record there is {error}") from None
        if one is None:
            raise Misplaced
        return one

    def _damaged(self, offset: int, what: str) -> LogDamaged:
        error = LogDamaged(self._log.path, offset, what)
        self._fail(error)
        return error
