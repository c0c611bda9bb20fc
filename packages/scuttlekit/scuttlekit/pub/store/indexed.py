"""The log with its index, which is built from the log and built again whenever it is lost or does not fit."""

import asyncio
import contextlib
import errno
import logging
import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from scuttlekit.graph import Graph
from scuttlekit.messages import Head
from scuttlekit.offsetlog import FRAME
from scuttlekit.pub.store.database import IndexLost
from scuttlekit.pub.store.disk import DiskSync
from scuttlekit.pub.store.errors import NotReady
from scuttlekit.pub.store.heads import Heads
from scuttlekit.pub.store.index import Index
from scuttlekit.pub.store.log import Log, LogDamaged, Misplaced
from scuttlekit.pub.store.reading import Reader
from scuttlekit.pub.store.records import IndexEntry, Stored, received_in
from scuttlekit.pub.store.views import forget_views

SLICE: Final = 1 << 17
"""Bytes of the log that are indexed at a time before other tasks run: about 3 ms."""

MOST_ORDERED_AT_ONCE: Final = 1000
"""The most messages whose index is put in order before the store is opened, and not in a thread later."""

_ATTEMPTS: Final = 3
_LATEST_TIME: Final = 8e12

_logger = logging.getLogger(__name__)


class IndexedLog:
    """The log and what is known of its messages. While `ready` is not set, the index is being built."""

    def __init__(self, own_id: str, log: Log, index: Index, path: Path, disk: DiskSync) -> None:
        self.ready = asyncio.Event()
        self.graph = Graph(own_id)
        self.clock: dict[str, int] = {}
        """The latest sequence of each feed that others may have."""
        self.own_head: Head | None = None
        self.index = index
        self.received = 0
        """When the last message was received, in thousandths of a ms."""
        self.remade = 0
        self._own_id = own_id
        self._log = log
        self._path = path
        self._disk = disk
        self._reader = Reader(log, disk.fail)
        self._heads = Heads()
        self._building: asyncio.Task[None] | None = None

    @property
    def own_sequence(self) -> int:
        """How far the pub's own feed goes in the log."""
        return self.own_head.sequence if self.own_head else 0

    def check_ready(self) -> None:
        """Raises NotReady while the index is being built."""
        if not self.ready.is_set():
            raise NotReady

    def close(self) -> None:
        """Stop building the index."""
        self.ready.clear()
        if self._building:
            self._building.cancel()

    # Building the index

    def begin(self) -> None:
        """Load the index. If it lacks little, bring it up to date at once."""
        try:
            self.clock.update(self.index.heads())
            self.graph.restore(self.index.relations())
            self._catch_up_at_once()
        except IndexLost as error:
            _logger.warning("The index is made again from the log: %s.", error)
            self._begin_anew()
            self._catch_up_at_once()

    async def build(self) -> None:
        """Bring the index up to date in slices, letting other tasks run. Raises LogDamaged, OSError."""
        for _ in range(_ATTEMPTS):
            try:
                return await self._catch_up()
            except IndexLost as error:
                _logger.warning("The index is made again from the log: %s.", error)
                self._begin_anew()
        raise OSError(errno.EIO, f"the index {self._path} cannot be kept: the disk loses what is written")

    def _catch_up_at_once(self) -> None:
        if self._log.end - self.index.covered.end <= SLICE:
            for _ in self._slices():
                pass
            if not self.index.ordered and self.index.covered.messages <= MOST_ORDERED_AT_ONCE:
                self.index.order()
            self._settle()

    def _begin_anew(self) -> None:
        self.index.drop()
        forget_views(self._log.path)
        self.clock.clear()
        self._heads.clear()
        self.graph.clear()
        self.own_head = None
        self.remade += 1
        self.index = Index.make(self._path)

    async def _catch_up(self) -> None:
        for _ in self._slices():
            await asyncio.sleep(0)
        if not self.index.ordered:
            await asyncio.to_thread(self._disk.while_open, self.index.order)
        self._settle()

    def _slices(self) -> Iterator[None]:
        """Index the rest of the log, one slice per step."""
        entries: list[tuple[int, IndexEntry]] = []
        begin = end = self.index.covered.end
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
        self.index.add(entries, end, self._own_id)
        for _, entry in entries:
            self.clock[entry.author] = max(entry.sequence, self.clock.get(entry.author, 0))
            if entry.relation:
                self.graph.sets(entry.author, *entry.relation)

    def _settle(self) -> None:
        """Once the whole log is indexed, make the store ready."""
        if not self.index.ordered or self.index.covered.end < self._log.end:
            return
        self.own_head = self._stored_head(self._own_id)
        known = self._disk.noted
        if self.own_sequence < known and not self.index.is_new:
            # Rebuild before concluding that the log is behind: perhaps only the index is.
            raise IndexLost(f"the pub's own feed has reached message {known}, and it has {self.own_sequence}")
        last = self.index.covered.last
        received = received_in(self._log.read(last)) if last >= 0 else 0
        self.received = math.ceil(received * 1000) if 0 <= received <= _LATEST_TIME else 0
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
                self._building = asyncio.get_running_loop().create_task(self._build_again())
        return NotReady()

    async def _build_again(self) -> None:
        try:
            await self.build()
        except (LogDamaged, OSError) as error:
            self._disk.fail(error)

    # Adding

    def append(self, entries: Sequence[IndexEntry], records: Sequence[bytes]) -> list[int]:
        """Add messages to the log and the index, or to neither; returns their offsets. Raises NotReady, OSError."""
        before = self._log.end
        try:
            offsets = self._log.append(records)
            try:
                self.index.add(list(zip(offsets, entries, strict=True)), self._log.end, self._own_id)
            except BaseException:
                self._log.take_back(before)
                raise
        except IndexLost as error:
            raise self._lose(str(error)) from error
        except OSError as error:
            self._disk.fail(error)
            raise
        for author, entry in {entry.author: entry for entry in entries}.items():
            if author == self._own_id:
                self.own_head = entry.head
            else:
                self.clock[author] = entry.sequence
                self._heads.keep(author, entry.head)
        for entry in entries:
            if entry.relation:
                self.graph.sets(entry.author, *entry.relation)
        return offsets

    # Reading

    def head(self, feed: str) -> Head | None:
        """The latest stored message of a feed. Raises NotReady, LogDamaged."""
        self.check_ready()
        if feed == self._own_id:
            return self.own_head
        head = self._heads.get(feed)
        if head is None and feed in self.clock and (head := self._stored_head(feed)):
            self._heads.keep(feed, head)
        return head

    def _stored_head(self, feed: str) -> Head | None:
        """Look up a feed's latest message in the index. Raises IndexLost before the store is ready."""
        with self._guarded():
            offset = self.index.head(feed)
            if offset is None:
                return None
            entry = self._reader.entry_at(offset)
            if entry is None or entry.author != feed:
                raise Misplaced
            return entry.head

    def found(self, ask: Callable[[Index], Sequence[int]]) -> list[Stored]:
        """Read the messages at the offsets that the query `ask` returns. Raises NotReady, LogDamaged."""
        with self.asking() as index:
            while offsets := ask(index):
                found, deleted = self._reader.read(offsets)
                # As in flumelog-offset's own indexes, later queries must not return deleted records.
                index.forget(deleted)
                if found:
                    return found
        return []

    @contextlib.contextmanager
    def asking(self) -> Iterator[Index]:
        """Query the index, and read what it leads to. If that fails, the index is rebuilt. Raises NotReady."""
        self.check_ready()
        with self._guarded():
            yield self.index

    @contextlib.contextmanager
    def _guarded(self) -> Iterator[None]:
        try:
            yield
        except (IndexLost, Misplaced) as error:
            why = str(error) or "it lists records that are not there"
            if not self.ready.is_set():
                raise IndexLost(why) from error
            raise self._lose(why) from error
