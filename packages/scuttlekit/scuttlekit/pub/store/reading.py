"""Reading messages from the log at the offsets in the index."""

from collections.abc import Callable, Sequence
from typing import Final

from scuttlekit.errors import InvalidFormat
from scuttlekit.offsetlog import is_deleted
from scuttlekit.pub.store.log import Log, LogDamaged, Misplaced
from scuttlekit.pub.store.records import IndexEntry, Stored, entry_of, stored

MOST_BYTES: Final = 1 << 20
"""The most bytes that one read returns, though always at least one message."""


class Reader:
    """Reads the log, and calls `fail` if it is damaged."""

    def __init__(self, log: Log, fail: Callable[[Exception], None]) -> None:
        self._log = log
        self._fail = fail

    def read(self, offsets: Sequence[int]) -> tuple[list[Stored], list[int]]:
        """Return the messages at these offsets, and the offsets of deleted ones. Raises Misplaced, LogDamaged."""
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
        """The index entry of the record at an offset; None if it is not a message. Raises Misplaced, LogDamaged."""
        return self.entry(self._log.read(offset), offset)

    def entry(self, record: bytes, offset: int) -> IndexEntry | None:
        """The index entry of a record; None if it is not a message, or was deleted. Raises LogDamaged."""
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
