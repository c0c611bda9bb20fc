"""The message store, as the other parts of a pub use it."""

import contextlib
import logging
import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, NamedTuple, Self

from scuttlekit.keys import KeyPair
from scuttlekit.messages import Head, Message, create
from scuttlekit.pub.store.disk import DiskSync, Note
from scuttlekit.pub.store.errors import Behind, NotNext
from scuttlekit.pub.store.index import Index
from scuttlekit.pub.store.indexed import IndexedLog
from scuttlekit.pub.store.log import Log
from scuttlekit.pub.store.members import Member, Search
from scuttlekit.pub.store.opening import index_of
from scuttlekit.pub.store.records import (
    IndexEntry,
    Stored,
    entry_of_message,
    record_of,
)
from scuttlekit.pub.store.shelf import Shelf
from scuttlekit.pub.store.views import forget_views

LOG: Final = Path("flume", "log.offset")
INDEX: Final = Path("flume", "index.sqlite")

MOST_MESSAGES: Final = 1000
"""The most messages that one read returns."""

_logger = logging.getLogger(__name__)

Hear = Callable[[Sequence[Stored]], None]


class _Untold(NamedTuple):
    """Stored messages that listeners have not been told of yet."""

    entries: Sequence[IndexEntry]
    messages: Sequence[Stored]
    ends: int
    awaits_disk: bool


class Store:
    """The log and its index.

    While `ready` is not set, the index is being built, and reading messages raises NotReady. Everything but
    `publish`, `flush`, `index` and `run` is fast, and is called on the event loop.
    """

    def __init__(self, folder: Path, own: KeyPair, log: Log, index: Index, note: Note | None) -> None:
        self.own = own
        self._folder = folder
        self._log = log
        self._disk = DiskSync(log, note, lambda: self._indexed.own_sequence, self._tell)
        self._indexed = IndexedLog(own.id, log, index, folder / INDEX, self._disk)
        self.ready = self._indexed.ready
        self.graph = self._indexed.graph
        """Who follows and blocks whom, according to all indexed messages."""
        self._listeners: list[Hear] = []
        self._untold: deque[_Untold] = deque()
        self._shown = log.end

    @classmethod
    def open(cls, folder: Path, own: KeyPair, note: Note | None = None) -> Self:
        """Open the store of a data folder. This is fast however many messages there are.

        `own` is the pub's identity. `note` records each of its messages before `publish` returns. Raises
        LogDamaged, OSError.
        """
        log = Log.open(folder / LOG)
        try:
            if log.mended:
                forget_views(log.path)
            store = cls(folder, own, log, index_of(log, folder / INDEX), note)
        except BaseException:
            log.close()
            raise
        try:
            store._indexed.begin()
        except BaseException:
            store._indexed.index.close()
            log.close()
            raise
        return store

    @property
    def clock(self) -> Mapping[str, int]:
        """The latest sequence of each feed that others may have. A live view."""
        return MappingProxyType(self._indexed.clock)

    @property
    def remade(self) -> int:
        """How often the index was rebuilt since the store was opened."""
        return self._indexed.remade

    @property
    def messages(self) -> int:
        """How many messages are indexed."""
        return self._indexed.index.covered.messages

    @property
    def feeds(self) -> int:
        """How many feeds have stored messages."""
        return len(self._indexed.clock)

    @property
    def end(self) -> int:
        """The end of the part of the log that listeners were told of. The next message they hear of comes after it."""
        return self._shown

    @property
    def room(self) -> int:
        """How many bytes are free on the disk of the log. Raises OSError."""
        disk = os.statvfs(self._folder / INDEX.parent)
        return disk.f_bavail * disk.f_frsize

    @property
    def progress(self) -> tuple[int, int]:
        """How many bytes of the log are indexed, and how many it has."""
        return self._indexed.index.covered.end, self._log.end

    async def run(self) -> None:
        """Build the index if needed, then wait until the store fails, and raise the error.

        Run it as a task while the store is open. Raises LogDamaged, and OSError if the disk is full or has
        failed.
        """
        await self.index()
        await self._disk.failed.wait()
        self._disk.check()

    async def index(self) -> None:
        """Bring the index up to date in slices, letting other tasks run. Raises LogDamaged, OSError."""
        await self._indexed.build()

    def head(self, feed: str) -> Head | None:
        """The latest stored message of a feed. Raises NotReady, LogDamaged."""
        return self._indexed.head(feed)

    def append(self, messages: Sequence[Message]) -> Sequence[Stored]:
        """Store validated messages in this order: all of them or, if this raises, none.

        They are on disk soon, or once `flush` returns. Raises NotReady; NotNext if a message does not follow
        the stored ones; OSError, after which the store is unusable.
        """
        kept = self._keep(messages, awaits_disk=False)
        self._disk.flush_soon()
        return kept

    async def publish(self, content: Any) -> Stored:
        """Publish a message in the pub's own feed. It is on disk before this returns, and before others hear of it.

        Raises InvalidMessage for content that no peer would accept, NotReady, Behind, OSError.
        """
        self._indexed.check_ready()
        head = self._indexed.own_head
        known = self._disk.noted
        if known > (head.sequence if head else 0):
            raise Behind(f"the pub's own feed has reached message {known}, and the log lacks messages of it")
        message = create(content, self.own, head, int(time.time() * 1000))
        (kept,) = self._keep([message], awaits_disk=True)
        await self.flush()
        return kept

    async def flush(self) -> None:
        """Wait until everything appended so far is on disk. Raises OSError."""
        await self._disk.flush()

    def read_feed(
        self,
        feed: str,
        after: int = 0,
        limit: int = MOST_MESSAGES,
        *,
        before: int | None = None,
        reverse: bool = False,
    ) -> list[Stored]:
        """A feed's messages with a sequence above `after` and below `before`; the latest first if `reverse`.

        At most `limit`, `MOST_MESSAGES` and `MOST_BYTES`, but at least one if there is one. Raises NotReady,
        LogDamaged.
        """
        self._indexed.check_ready()
        after, before = _range(after, before, self._indexed.clock.get(feed, 0) + 1, least=0)
        if before - after <= 1:
            return []
        most = _bounded(limit)
        return self._indexed.found(
            lambda index: index.messages_of(feed, after, before, most, reverse=reverse)
        )

    def read_log(
        self, after: int = -1, limit: int = MOST_MESSAGES, *, before: int | None = None, reverse: bool = False
    ) -> list[Stored]:
        """Messages with a log offset above `after` and below `before`; the latest first if `reverse`.

        Limited as in `read_feed`. Raises NotReady, LogDamaged.
        """
        self._indexed.check_ready()
        after, before = _range(after, before, self._shown, least=-1)
        most = _bounded(limit)
        return self._indexed.found(lambda index: index.between(after, before, most, reverse=reverse))

    def get(self, key: str) -> Stored | None:
        """The message with this id, or None. Raises NotReady, LogDamaged."""
        self._indexed.check_ready()
        found = self._indexed.found(lambda index: index.with_key(key, self._shown))
        return next((one for one in found if one.key == key), None)

    def name_of(self, feed: str) -> str | None:
        """The name a feed gave itself in its latest message that does so, or None. Raises NotReady, LogDamaged."""
        self._indexed.check_ready()
        if feed not in self._indexed.clock:
            return None
        for one in self._indexed.found(lambda index: index.named(feed)):
            return str(one.value["content"]["name"])
        return None

    def invite_uses(self, after: int = 0, limit: int = MOST_MESSAGES) -> list[Stored]:
        """The messages with a sequence above `after` that record uses of the pub's invites: its own contact messages with a note.

        Limited as in `read_feed`. Raises NotReady, LogDamaged.
        """
        self._indexed.check_ready()
        after, before = _range(after, None, self._indexed.clock.get(self.own.id, 0) + 1, least=0)
        most = _bounded(limit)
        return self._indexed.found(lambda index: index.invite_uses(after, before, most))

    def find_members(self, search: Search) -> tuple[list[Member], int]:
        """Return a page of members, and the total number found. Raises NotReady."""
        with self._indexed.asking() as index:
            return index.members.find(search)

    def count_members(self) -> dict[str, int]:
        """How many feeds the pub follows, blocks, or no longer does either. Raises NotReady."""
        with self._indexed.asking() as index:
            return index.members.count()

    @property
    def log_size(self) -> int:
        """The size of the log in bytes."""
        return self._log.end

    def bytes_of(self, feed: str) -> int:
        """The bytes that a feed takes up in the log. Raises NotReady."""
        with self._indexed.asking() as index:
            return index.bytes_of(feed)

    def larger_than(self, most: int) -> set[str]:
        """The feeds that take up more than `most` bytes in the log. Raises NotReady."""
        with self._indexed.asking() as index:
            return set(index.larger_than(most))

    @contextlib.contextmanager
    def shelf(self) -> Iterator[Shelf]:
        """Query or update the record of stored blobs. Raises NotReady."""
        with self._indexed.asking() as index:
            yield index.shelf

    def see(self, feeds: Iterable[str]) -> None:
        """Record that these feeds are seen now, if they are members. Raises NotReady."""
        with self._indexed.asking() as index:
            index.members.see(feeds, int(time.time() * 1000))

    def listen(self, hear: Hear) -> Callable[[], None]:
        """Call `hear` with stored messages, in log order. Returns a function that stops it."""
        self._listeners.append(hear)

        def stop() -> None:
            with contextlib.suppress(ValueError):
                self._listeners.remove(hear)

        return stop

    def close(self) -> None:
        """Close the store, with everything appended on disk. Raises OSError."""
        self._indexed.close()

        def close() -> None:
            self._log.close()
            self._indexed.index.close()

        self._disk.close(close)

    # Storing

    def _keep(self, messages: Sequence[Message], *, awaits_disk: bool) -> Sequence[Stored]:
        self._indexed.check_ready()
        self._disk.check()
        times = self._times(len(messages))
        records = [record_of(message, time) for message, time in zip(messages, times, strict=True)]
        entries = [entry_of_message(*each) for each in zip(messages, records, times, strict=True)]
        self._check_order(entries)
        offsets = self._indexed.append(entries, records)
        kept = [
            Stored(entry.key, offset, record)
            for entry, offset, record in zip(entries, offsets, records, strict=True)
        ]
        self._untold.append(_Untold(entries, kept, self._log.end, awaits_disk))
        self._tell()
        return kept

    def _check_order(self, entries: Sequence[IndexEntry]) -> None:
        latest = {self.own.id: self._indexed.own_sequence}
        for entry in entries:
            before = latest.get(entry.author, self._indexed.clock.get(entry.author, 0))
            if entry.sequence != before + 1:
                raise NotNext(
                    f"message {entry.sequence} of {entry.author} does not follow {before}, the last one here"
                )
            latest[entry.author] = entry.sequence

    def _times(self, count: int) -> list[float]:
        """Received times in ms. Each is later than the one before, as ssb-server's indexes require."""
        first = max(int(time.time() * 1000) * 1000, self._indexed.received + 1)
        self._indexed.received = first + count - 1
        return [thousandth / 1000 for thousandth in range(first, first + count)]

    def _tell(self) -> None:
        """Make stored messages visible, and tell the listeners, in log order."""
        while self._untold and (
            not self._untold[0].awaits_disk or self._untold[0].ends <= self._disk.lasting
        ):
            entries, messages, self._shown, _ = self._untold.popleft()
            for entry in entries:
                if entry.author == self.own.id:
                    self._indexed.clock[entry.author] = entry.sequence
            for hear in tuple(self._listeners):
                try:
                    hear(messages)
                except Exception:
                    _logger.exception("A listener failed; the messages are stored.")


def _range(after: int, before: int | None, end: int, *, least: int) -> tuple[int, int]:
    """Clamp bounds to numbers that SQLite accepts, whatever was asked for."""
    return min(max(after, least), end), min(max(before, least), end) if before is not None else end


def _bounded(limit: int) -> int:
    return min(max(limit, 0), MOST_MESSAGES)
