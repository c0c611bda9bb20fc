"""The message store, as the other parts of a pub use it."""

import asyncio
import contextlib
import errno
import logging
import math
import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, NamedTuple, Self

from scuttlekit.graph import Graph
from scuttlekit.keys import KeyPair
from scuttlekit.messages import Head, Message, create
from scuttlekit.offsetlog import FRAME
from scuttlekit.pub.store.database import IndexLost
from scuttlekit.pub.store.disk import DiskSync, Note
from scuttlekit.pub.store.errors import Behind, NotNext, NotReady
from scuttlekit.pub.store.heads import Heads
from scuttlekit.pub.store.index import Index
from scuttlekit.pub.store.log import Log, LogDamaged, Misplaced
from scuttlekit.pub.store.members import Member, Search
from scuttlekit.pub.store.opening import index_of
from scuttlekit.pub.store.reading import Reader
from scuttlekit.pub.store.records import (
    IndexEntry,
    Stored,
    entry_of_message,
    received_in,
    record_of,
)
from scuttlekit.pub.store.shelf import Shelf
from scuttlekit.pub.store.views import forget_views

LOG: Final = Path("flume", "log.offset")
INDEX: Final = Path("flume", "index.sqlite")

MOST_MESSAGES: Final = 1000
"""The most messages that one read returns."""

SLICE: Final = 1 << 17
"""Bytes of the log that are indexed at a time before other tasks run: about 3 ms."""

_ATTEMPTS: Final = 3
_LATEST_TIME: Final = 8e12

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
        self.ready = asyncio.Event()
        self.graph = Graph(own.id)
        """Who follows and blocks whom, according to all indexed messages."""
        self.remade = 0
        """How often the index was rebuilt since the store was opened."""
        self._path = folder / INDEX
        self._log = log
        self._index = index
        self._disk = DiskSync(log, note, lambda: self._own_sequence, self._tell)
        self._reader = Reader(log, self._disk.fail)
        self._clock: dict[str, int] = {}
        self._own_head: Head | None = None
        self._heads = Heads()
        self._received = 0
        """When the last message was received, in thousandths of a ms."""
        self._listeners: list[Hear] = []
        self._untold: deque[_Untold] = deque()
        self._shown = log.end
        self._indexing: asyncio.Task[None] | None = None

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
            store._begin()
        except BaseException:
            store._index.close()
            log.close()
            raise
        return store

    @property
    def clock(self) -> Mapping[str, int]:
        """The latest sequence of each feed that others may have. A live view."""
        return MappingProxyType(self._clock)

    @property
    def messages(self) -> int:
        """How many messages are indexed."""
        return self._index.covered.messages

    @property
    def feeds(self) -> int:
        """How many feeds have stored messages."""
        return len(self._clock)

    @property
    def end(self) -> int:
        """The end of the part of the log that listeners were told of. The next message they hear of comes after it."""
        return self._shown

    @property
    def room(self) -> int:
        """How many bytes are free on the disk of the log. Raises OSError."""
        disk = os.statvfs(self._path.parent)
        return disk.f_bavail * disk.f_frsize

    @property
    def progress(self) -> tuple[int, int]:
        """How many bytes of the log are indexed, and how many it has."""
        return self._index.covered.end, self._log.end

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
        for _ in range(_ATTEMPTS):
            try:
                return await self._catch_up()
            except IndexLost as error:
                _logger.warning("The index is made again from the log: %s.", error)
                self._begin_anew()
        raise OSError(errno.EIO, f"the index {self._path} cannot be kept: the disk loses what is written")

    def head(self, feed: str) -> Head | None:
        """The latest stored message of a feed. Raises NotReady, LogDamaged."""
        self._check_ready()
        if feed == self.own.id:
            return self._own_head
        head = self._heads.get(feed)
        if head is None and feed in self._clock and (head := self._stored_head(feed)):
            self._heads.keep(feed, head)
        return head

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
        self._check_ready()
        head = self._own_head
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
        self._check_ready()
        after, before = _range(after, before, self._clock.get(feed, 0) + 1, least=0)
        if before - after <= 1:
            return []
        most = _bounded(limit)
        return self._found(lambda: self._index.messages_of(feed, after, before, most, reverse=reverse))

    def read_log(
        self, after: int = -1, limit: int = MOST_MESSAGES, *, before: int | None = None, reverse: bool = False
    ) -> list[Stored]:
        """Messages with a log offset above `after` and below `before`; the latest first if `reverse`.

        Limited as in `read_feed`. Raises NotReady, LogDamaged.
        """
        self._check_ready()
        after, before = _range(after, before, self._shown, least=-1)
        most = _bounded(limit)
        return self._found(lambda: self._index.between(after, before, most, reverse=reverse))

    def get(self, key: str) -> Stored | None:
        """The message with this id, or None. Raises NotReady, LogDamaged."""
        self._check_ready()
        found = self._found(lambda: self._index.with_key(key, self._shown))
        return next((one for one in found if one.key == key), None)

    def name_of(self, feed: str) -> str | None:
        """The name a feed gave itself in its latest message that does so, or None. Raises NotReady, LogDamaged."""
        self._check_ready()
        if feed not in self._clock:
            return None
        for one in self._found(lambda: self._index.named(feed)):
            return str(one.value["content"]["name"])
        return None

    def invite_uses(self, after: int = 0, limit: int = MOST_MESSAGES) -> list[Stored]:
        """The messages with a sequence above `after` that record uses of the pub's invites: its own contact messages with a note.

        Limited as in `read_feed`. Raises NotReady, LogDamaged.
        """
        self._check_ready()
        after, before = _range(after, None, self._clock.get(self.own.id, 0) + 1, least=0)
        most = _bounded(limit)
        return self._found(lambda: self._index.invite_uses(after, before, most))

    def find_members(self, search: Search) -> tuple[list[Member], int]:
        """Return a page of members, and the total number found. Raises NotReady."""
        self._check_ready()
        with self._asking():
            return self._index.members.find(search)

    def count_members(self) -> dict[str, int]:
        """How many feeds the pub follows, blocks, or no longer does either. Raises NotReady."""
        self._check_ready()
        with self._asking():
            return self._index.members.count()

    @property
    def log_size(self) -> int:
        """The size of the log in bytes."""
        return self._log.end

    def bytes_of(self, feed: str) -> int:
        """The bytes that a feed takes up in the log. Raises NotReady."""
        self._check_ready()
        with self._asking():
            return self._index.bytes_of(feed)

    def larger_than(self, most: int) -> set[str]:
        """The feeds that take up more than `most` bytes in the log. Raises NotReady."""
        self._check_ready()
        with self._asking():
            return set(self._index.larger_than(most))

    @contextlib.contextmanager
    def shelf(self) -> Iterator[Shelf]:
        """Query or update the record of stored blobs. Raises NotReady."""
        self._check_ready()
        with self._asking():
            yield self._index.shelf

    def see(self, feeds: Iterable[str]) -> None:
        """Record that these feeds are seen now, if they are members. Raises NotReady."""
        self._check_ready()
        with self._asking():
            self._index.members.see(feeds, int(time.time() * 1000))

    def listen(self, hear: Hear) -> Callable[[], None]:
        """Call `hear` with stored messages, in log order. Returns a function that stops it."""
        self._listeners.append(hear)

        def stop() -> None:
            with contextlib.suppress(ValueError):
                self._listeners.remove(hear)

        return stop

    def close(self) -> None:
        """Close the store, with everything appended on disk. Raises OSError."""
        self.ready.clear()
        if self._indexing:
            self._indexing.cancel()

        def close() -> None:
            self._log.close()
            self._index.close()

        self._disk.close(close)

    # Building the index

    def _begin(self) -> None:
        """Load the index. If it lacks little, bring it up to date at once."""
        try:
            self._clock.update(self._index.heads())
            self.graph.restore(self._index.relations())
            self._catch_up_at_once()
        except IndexLost as error:
            _logger.warning("The index is made again from the log: %s.", error)
            self._begin_anew()
            self._catch_up_at_once()

    def _catch_up_at_once(self) -> None:
        if self._log.end - self._index.covered.end <= SLICE:
            for _ in self._slices():
                pass
            if not self._index.ordered and self._index.covered.messages <= MOST_MESSAGES:
                self._index.order()
            self._settle()

    def _begin_anew(self) -> None:
        self._index.drop()
        forget_views(self._log.path)
        self._clock.clear()
        self._heads.clear()
        self.graph.clear()
        self._own_head = None
        self.remade += 1
        self._index = Index.make(self._path)

    async def _catch_up(self) -> None:
        for _ in self._slices():
            await asyncio.sleep(0)
        if not self._index.ordered:
            await asyncio.to_thread(self._disk.while_open, self._index.order)
        self._settle()

    def _slices(self) -> Iterator[None]:
        """Index the rest of the log, one slice per step."""
        entries: list[tuple[int, IndexEntry]] = []
        begin = end = self._index.covered.end
        for offset, record in self._log.forwards(begin):
            end = offset + len(record) + FRAME
            entry = self._reader.entry(record, offset)
            if entry:
                entries.append((offset, entry))
            if end - begin >= SLICE:
                self._index_these(entries, end)
                entries, begin = [], end
                yield
        if end > begin:
            self._index_these(entries, end)

    def _index_these(self, entries: Sequence[tuple[int, IndexEntry]], end: int) -> None:
        self._index.add(entries, end, self.own.id)
        for _, entry in entries:
            self._clock[entry.author] = max(entry.sequence, self._clock.get(entry.author, 0))
            if entry.relation:
                self.graph.sets(entry.author, *entry.relation)

    def _settle(self) -> None:
        """Once the whole log is indexed, make the store ready."""
        if not self._index.ordered or self._index.covered.end < self._log.end:
            return
        self._own_head = self._stored_head(self.own.id)
        known = self._disk.noted
        if self._own_sequence < known and not self._index.is_new:
            # Rebuild before concluding that the log is behind: perhaps only the index is.
            raise IndexLost(
                f"the pub's own feed has reached message {known}, and it has {self._own_sequence}"
            )
        last = self._index.covered.last
        received = received_in(self._log.read(last)) if last >= 0 else 0
        self._received = math.ceil(received * 1000) if 0 <= received <= _LATEST_TIME else 0
        self.ready.set()

    def _lose(self, why: str) -> NotReady:
        """Delete the index and rebuild it; meanwhile nobody can read. If the log is damaged, the rebuild will
        show it.
        """
        if self.ready.is_set():
            self.ready.clear()
            _logger.warning("The index is made again from the log: %s.", why)
            try:
                self._begin_anew()
            except OSError as error:
                self._disk.fail(error)
                raise
            # Without an event loop, whoever opened the store calls `index`.
            with contextlib.suppress(RuntimeError):
                self._indexing = asyncio.get_running_loop().create_task(self._index_again())
        return NotReady()

    async def _index_again(self) -> None:
        try:
            await self.index()
        except (LogDamaged, OSError) as error:
            self._disk.fail(error)

    # Storing

    def _keep(self, messages: Sequence[Message], *, awaits_disk: bool) -> Sequence[Stored]:
        self._check_ready()
        self._disk.check()
        times = self._times(len(messages))
        records = [record_of(message, time) for message, time in zip(messages, times, strict=True)]
        entries = [entry_of_message(*each) for each in zip(messages, records, times, strict=True)]
        self._check_order(entries)
        before = self._log.end
        try:
            offsets = self._log.append(records)
            try:
                self._index.add(list(zip(offsets, entries, strict=True)), self._log.end, self.own.id)
            except BaseException:
                self._log.take_back(before)
                raise
        except IndexLost as error:
            raise self._lose(str(error)) from error
        except OSError as error:
            self._disk.fail(error)
            raise
        for author, entry in {entry.author: entry for entry in entries}.items():
            if author == self.own.id:
                self._own_head = entry.head
            else:
                self._clock[author] = entry.sequence
                self._heads.keep(author, entry.head)
        for entry in entries:
            if entry.relation:
                self.graph.sets(entry.author, *entry.relation)
        kept = [
            Stored(entry.key, offset, record)
            for entry, offset, record in zip(entries, offsets, records, strict=True)
        ]
        self._untold.append(_Untold(entries, kept, self._log.end, awaits_disk))
        self._tell()
        return kept

    def _check_order(self, entries: Sequence[IndexEntry]) -> None:
        latest = {self.own.id: self._own_sequence}
        for entry in entries:
            before = latest.get(entry.author, self._clock.get(entry.author, 0))
            if entry.sequence != before + 1:
                raise NotNext(
                    f"message {entry.sequence} of {entry.author} does not follow {before}, the last one here"
                )
            latest[entry.author] = entry.sequence

    def _times(self, count: int) -> list[float]:
        """Received times in ms. Each is later than the one before, as ssb-server's indexes require."""
        first = max(int(time.time() * 1000) * 1000, self._received + 1)
        self._received = first + count - 1
        return [thousandth / 1000 for thousandth in range(first, first + count)]

    def _tell(self) -> None:
        """Make stored messages visible, and tell the listeners, in log order."""
        while self._untold and (
            not self._untold[0].awaits_disk or self._untold[0].ends <= self._disk.lasting
        ):
            entries, messages, self._shown, _ = self._untold.popleft()
            for entry in entries:
                if entry.author == self.own.id:
                    self._clock[entry.author] = entry.sequence
            for hear in tuple(self._listeners):
                try:
                    hear(messages)
                except Exception:
                    _logger.exception("A listener failed; the messages are stored.")

    # Reading

    @property
    def _own_sequence(self) -> int:
        return self._own_head.sequence if self._own_head else 0

    def _stored_head(self, feed: str) -> Head | None:
        """Look up a feed's latest message in the index. Raises IndexLost before the store is ready."""
        with self._asking():
            offset = self._index.head(feed)
            if offset is None:
                return None
            entry = self._reader.entry_at(offset)
            if entry is None or entry.author != feed:
                raise Misplaced
            return entry.head

    def _found(self, ask: Callable[[], Sequence[int]]) -> list[Stored]:
        """Read the messages at the offsets that the query `ask` returns. Raises NotReady, LogDamaged."""
        with self._asking():
            while offsets := ask():
                found, deleted = self._reader.read(offsets)
                # As in flumelog-offset's own indexes, later queries must not return deleted records.
                self._index.forget(deleted)
                if found:
                    return found
        return []

    @contextlib.contextmanager
    def _asking(self) -> Iterator[None]:
        """Guard a query of the index and the reads that follow. If it fails, the index is rebuilt."""
        try:
            yield
        except (IndexLost, Misplaced) as error:
            why = str(error) or "it lists records that are not there"
            if not self.ready.is_set():
                raise IndexLost(why) from error
            raise self._lose(why) from error

    def _check_ready(self) -> None:
        if not self.ready.is_set():
            raise NotReady


def _range(after: int, before: int | None, end: int, *, least: int) -> tuple[int, int]:
    """Clamp bounds to numbers that SQLite accepts, whatever was asked for."""
    return min(max(after, least), end), min(max(before, least), end) if before is not None else end


def _bounded(limit: int) -> int:
    return min(max(limit, 0), MOST_MESSAGES)
