"""The messages of a pub, as its other parts use them."""

import asyncio
import contextlib
import errno
import logging
import math
import os
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, NamedTuple, Protocol, Self

from scuttlekit.errors import InvalidFormat, ScuttlebuttError
from scuttlekit.graph import Graph
from scuttlekit.keys import KeyPair
from scuttlekit.messages import Head, Message, create
from scuttlekit.offsetlog import FRAME, is_deleted
from scuttlekit.pub.store.database import IndexLost
from scuttlekit.pub.store.index import Index
from scuttlekit.pub.store.log import Log, LogDamaged, Misplaced
from scuttlekit.pub.store.members import Member, Search
from scuttlekit.pub.store.records import (
    Entry,
    Stored,
    entry_of,
    entry_of_message,
    received_in,
    record_of,
    stored,
)
from scuttlekit.pub.store.shelf import Shelf
from scuttlekit.pub.store.views import forget_views

LOG: Final = Path("flume", "log.offset")
INDEX: Final = Path("flume", "index.sqlite")

MOST_BYTES: Final = 1 << 20
"""What one reading gives at most, in bytes, though always one message."""

MOST_MESSAGES: Final = 1000
"""How many messages one reading gives at most."""

SLICE: Final = 1 << 17
"""How much of the log is taken into the index at once, in bytes, before others have their turn: some 3 ms."""

SOON: Final = 0.5
"""After so many seconds at most what was appended is on the disk, without anybody asking."""

MOST_HEADS: Final = 2048

_ATTEMPTS: Final = 3
_LATEST_TIME: Final = 8e12

_logger = logging.getLogger(__name__)

Hear = Callable[[Sequence[Stored]], None]


class NotReady(ScuttlebuttError):
    """The index is still being made from the log; to ask again later helps."""

    def __init__(self) -> None:
        super().__init__("the messages are being indexed: try again in a moment")


class NotNext(ScuttlebuttError):
    """A message does not follow the last one of its feed that is stored: another was quicker, or one is missing."""


class Behind(ScuttlebuttError):
    """The log lacks messages of the pub's own feed: to publish would use their numbers again."""


class Note(Protocol):
    """The pub's own latest sequence, remembered outside the log: the fork guard."""

    @property
    def latest(self) -> int: ...

    def note(self, latest: int, /) -> None: ...

    def sync(self) -> None: ...


class _Kept(NamedTuple):
    """Messages that were stored and that nobody was told of yet."""

    entries: Sequence[Entry]
    messages: Sequence[Stored]
    ends: int
    awaits_disk: bool


class Store:
    """The log and its index.

    Until `ready` is set the index is being made: then whatever asks for messages raises NotReady. All but `publish`,
    `flush`, `index` and `run` is quick and is called on the loop.
    """

    def __init__(self, folder: Path, own: KeyPair, log: Log, index: Index, note: Note | None) -> None:
        self.own = own
        self.ready = asyncio.Event()
        self.graph = Graph(own.id)
        """Who follows and blocks whom, by all messages that are indexed."""
        self.remade = 0
        """How often the index was made anew since the store was opened."""
        self._path = folder / INDEX
        self._log = log
        self._index = index
        self._note = note
        self._clock: dict[str, int] = {}
        self._own_head: Head | None = None
        self._heads: OrderedDict[str, Head] = OrderedDict()
        self._received = 0
        """When the last message was received, in thousandths of a ms."""
        self._listeners: list[Hear] = []
        self._untold: deque[_Kept] = deque()
        self._shown = log.end
        self._lasting = log.end
        self._disk = threading.Lock()
        self._is_closed = False
        self._syncing: asyncio.Task[None] | None = None
        self._indexing: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._fault: Exception | None = None
        self._failed = asyncio.Event()
        self._lasted = asyncio.Event()

    @classmethod
    def open(cls, folder: Path, own: KeyPair, note: Note | None = None) -> Self:
        """Open the messages of a data folder, at once, however many there are.

        `own` is the pub's identity. `note` is told of each of its messages before `publish` returns. Raises LogDamaged, OSError.
        """
        log = Log.open(folder / LOG)
        try:
            if log.mended:
                forget_views(log.path)
            store = cls(folder, own, log, _index_of(log, folder / INDEX), note)
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
        """Each feed's latest sequence that others may have. A live view."""
        return MappingProxyType(self._clock)

    @property
    def messages(self) -> int:
        """How many messages are indexed."""
        return self._index.covered.messages

    @property
    def feeds(self) -> int:
        """How many feeds have messages here."""
        return len(self._clock)

    @property
    def end(self) -> int:
        """The end of the log as far as others are told of it: the next message they hear of is not before."""
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
        """Make the index if that is needed, then wait until the store is of no use any more, and say why.

        To be run as a task as long as the store is open. Raises LogDamaged; OSError, where the disk is full or failed.
        """
        await self.index()
        await self._failed.wait()
        self._check_sound()

    async def index(self) -> None:
        """Bring the index up to the log, in slices, while others have their turn. Raises LogDamaged, OSError."""
        for _ in range(_ATTEMPTS):
            try:
                return await self._catch_up()
            except IndexLost as error:
                _logger.warning("The index is made again from the log: %s.", error)
                self._begin_anew()
        raise OSError(errno.EIO, f"the index {self._path} cannot be kept: the disk loses what is written")

    def head(self, feed: str) -> Head | None:
        """The latest message of a feed that is stored. Raises NotReady, LogDamaged."""
        self._check_ready()
        if feed == self.own.id:
            return self._own_head
        if feed in self._heads:
            self._heads.move_to_end(feed)
            return self._heads[feed]
        if feed not in self._clock:
            return None
        head = self._stored_head(feed)
        self._keep_head(feed, head)
        return head

    def append(self, messages: Sequence[Message]) -> Sequence[Stored]:
        """Store messages that were validated, in this order: all of them or, where it raises, none.

        They are on the disk soon, or when `flush` returns. Raises NotReady; NotNext, where a message does not follow what is
        stored; OSError, after which the store is of no use.
        """
        kept = self._keep(messages, awaits_disk=False)
        self._flush_soon()
        return kept

    async def publish(self, content: Any) -> Stored:
        """Say something in the pub's own feed. Before it returns, and before others are told, it is on the disk.

        Raises InvalidMessage for content that nobody would take, NotReady, Behind, OSError.
        """
        self._check_ready()
        head = self._own_head
        known = self._note.latest if self._note else 0
        if known > (head.sequence if head else 0):
            raise Behind(f"the pub's own feed has reached message {known}, and the log lacks messages of it")
        message = create(content, self.own, head, int(time.time() * 1000))
        (kept,) = self._keep([message], awaits_disk=True)
        await self.flush()
        return kept

    async def flush(self) -> None:
        """Have everything that was appended on the disk. Raises OSError."""
        end = self._log.end
        while self._lasting < end:
            self._check_sound()
            lasted = self._lasted
            self._sync_soon()
            await lasted.wait()
        self._check_sound()

    def read_feed(
        self,
        feed: str,
        after: int = 0,
        limit: int = MOST_MESSAGES,
        *,
        before: int | None = None,
        reverse: bool = False,
    ) -> list[Stored]:
        """A feed's messages with a sequence above `after` and below `before`; the last ones first if `reverse`.

        At most `limit`, `MOST_MESSAGES` and `MOST_BYTES`, though always one where there is one. Raises NotReady, LogDamaged.
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
        """Messages whose offset in the log lies above `after` and below `before`; the last ones first if `reverse`.

        As many as `read_feed` gives. Raises NotReady, LogDamaged.
        """
        self._check_ready()
        after, before = _range(after, before, self._shown, least=-1)
        most = _bounded(limit)
        return self._found(lambda: self._index.between(after, before, most, reverse=reverse))

    def get(self, key: str) -> Stored | None:
        """The message with this id. Raises NotReady, LogDamaged."""
        self._check_ready()
        found = self._found(lambda: self._index.with_key(key, self._shown))
        return next((one for one in found if one.key == key), None)

    def name_of(self, feed: str) -> str | None:
        """What a feed calls itself, by its latest message that says so. Raises NotReady, LogDamaged."""
        self._check_ready()
        if feed not in self._clock:
            return None
        for one in self._found(lambda: self._index.named(feed)):
            return str(one.value["content"]["name"])
        return None

    def noted(self, after: int = 0, limit: int = MOST_MESSAGES) -> list[Stored]:
        """The pub's own messages about somebody that carry a note, with a sequence above `after`: uses of its invites.

        As many as `read_feed` gives. Raises NotReady, LogDamaged.
        """
        self._check_ready()
        after, before = _range(after, None, self._clock.get(self.own.id, 0) + 1, least=0)
        most = _bounded(limit)
        return self._found(lambda: self._index.noted(after, before, most))

    def find_members(self, search: Search) -> tuple[list[Member], int]:
        """A page of those of whom the pub itself spoke, and how many are found in all. Raises NotReady."""
        self._check_ready()
        with self._asking():
            return self._index.members.find(search)

    def count_members(self) -> dict[str, int]:
        """How many the pub follows and blocks, and of how many it took that back. Raises NotReady."""
        self._check_ready()
        with self._asking():
            return self._index.members.count()

    @property
    def log_size(self) -> int:
        """How many bytes the log has."""
        return self._log.end

    def bytes_of(self, feed: str) -> int:
        """How many bytes of the log a feed has. Raises NotReady."""
        self._check_ready()
        with self._asking():
            return self._index.bytes_of(feed)

    def larger_than(self, most: int) -> set[str]:
        """The feeds that have more bytes of the log. Raises NotReady."""
        self._check_ready()
        with self._asking():
            return set(self._index.larger_than(most))

    @contextlib.contextmanager
    def shelf(self) -> Iterator[Shelf]:
        """Ask which blobs are here, or tell. Raises NotReady."""
        self._check_ready()
        with self._asking():
            yield self._index.shelf

    def see(self, feeds: Iterable[str]) -> None:
        """Note that the pub hears of these feeds now, for those of them that are members. Raises NotReady."""
        self._check_ready()
        with self._asking():
            self._index.members.see(feeds, int(time.time() * 1000))

    def listen(self, hear: Hear) -> Callable[[], None]:
        """Have `hear` called with what is stored, in the order of the log; gives what ends that."""
        self._listeners.append(hear)

        def stop() -> None:
            with contextlib.suppress(ValueError):
                self._listeners.remove(hear)

        return stop

    def close(self) -> None:
        """End in order: what was appended is on the disk then. Raises OSError."""
        self.ready.clear()
        if self._timer:
            self._timer.cancel()
        for task in (self._syncing, self._indexing):
            if task:
                task.cancel()
        try:
            if self._fault is None and self._lasting < self._log.end:
                self._write_through(self._own_sequence)
        finally:
            # A thread may just have the disk written.
            with self._disk:
                if not self._is_closed:
                    self._is_closed = True
                    self._log.close()
                    self._index.close()

    # Making the index

    def _begin(self) -> None:
        """Take up what the index knows; one that lacks little is brought up to the log at once."""
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
            await asyncio.to_thread(self._order)
        self._settle()

    def _order(self) -> None:
        with self._disk:
            if not self._is_closed:
                self._index.order()

    def _slices(self) -> Iterator[None]:
        """Take the rest of the log into the index, a slice at a time."""
        entries: list[tuple[int, Entry]] = []
        begin = end = self._index.covered.end
        for offset, record in self._log.forwards(begin):
            end = offset + len(record) + FRAME
            entry = None if is_deleted(record) else self._entry(record, offset)
            if entry:
                entries.append((offset, entry))
            if end - begin >= SLICE:
                self._index_these(entries, end)
                entries, begin = [], end
                yield
        if end > begin:
            self._index_these(entries, end)

    def _index_these(self, entries: Sequence[tuple[int, Entry]], end: int) -> None:
        self._index.add(entries, end, self.own.id)
        for _, entry in entries:
            self._clock[entry.author] = max(entry.sequence, self._clock.get(entry.author, 0))
            if entry.relation:
                self.graph.sets(entry.author, *entry.relation)

    def _settle(self) -> None:
        """All of the log is indexed: from now on the store can be asked."""
        if not self._index.ordered or self._index.covered.end < self._log.end:
            return
        self._own_head = self._stored_head(self.own.id)
        known = self._note.latest if self._note else 0
        if self._own_sequence < known and not self._index.is_new:
            # Before anybody says that the log is behind: it may only be the index.
            raise IndexLost(
                f"the pub's own feed has reached message {known}, and it has {self._own_sequence}"
            )
        last = self._index.covered.last
        received = received_in(self._log.read(last)) if last >= 0 else 0
        self._received = math.ceil(received * 1000) if 0 <= received <= _LATEST_TIME else 0
        self.ready.set()

    def _lose(self, why: str) -> NotReady:
        """Throw the index away and make it again, meanwhile nobody can ask. If the log is damaged, that will show."""
        if self.ready.is_set():
            self.ready.clear()
            _logger.warning("The index is made again from the log: %s.", why)
            try:
                self._begin_anew()
            except OSError as error:
                self._fail(error)
                raise
            # Without a loop it is whoever opened the store who calls `index`.
            with contextlib.suppress(RuntimeError):
                self._indexing = asyncio.get_running_loop().create_task(self._index_again())
        return NotReady()

    async def _index_again(self) -> None:
        try:
            await self.index()
        except (LogDamaged, OSError) as error:
            self._fail(error)

    # Storing

    def _keep(self, messages: Sequence[Message], *, awaits_disk: bool) -> Sequence[Stored]:
        self._check_ready()
        self._check_sound()
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
            self._fail(error)
            raise
        for author, entry in {entry.author: entry for entry in entries}.items():
            if author == self.own.id:
                self._own_head = entry.head
            else:
                self._clock[author] = entry.sequence
                self._keep_head(author, entry.head)
        for entry in entries:
            if entry.relation:
                self.graph.sets(entry.author, *entry.relation)
        kept = [
            Stored(entry.key, offset, record)
            for entry, offset, record in zip(entries, offsets, records, strict=True)
        ]
        self._untold.append(_Kept(entries, kept, self._log.end, awaits_disk))
        self._tell()
        return kept

    def _check_order(self, entries: Sequence[Entry]) -> None:
        latest = {self.own.id: self._own_sequence}
        for entry in entries:
            before = latest.get(entry.author, self._clock.get(entry.author, 0))
            if entry.sequence != before + 1:
                raise NotNext(
                    f"message {entry.sequence} of {entry.author} does not follow {before}, the last one here"
                )
            latest[entry.author] = entry.sequence

    def _times(self, count: int) -> list[float]:
        """When messages are received, in ms: each later than the one before, as ssb-server's indexes need it."""
        first = max(int(time.time() * 1000) * 1000, self._received + 1)
        self._received = first + count - 1
        return [thousandth / 1000 for thousandth in range(first, first + count)]

    def _tell(self) -> None:
        """Show others what they may have, and tell who listens, in the order of the log."""
        while self._untold and (not self._untold[0].awaits_disk or self._untold[0].ends <= self._lasting):
            entries, messages, self._shown, _ = self._untold.popleft()
            for entry in entries:
                if entry.author == self.own.id:
                    self._clock[entry.author] = entry.sequence
            for hear in tuple(self._listeners):
                try:
                    hear(messages)
                except Exception:
                    _logger.exception("A listener failed; the messages are stored.")

    # The disk

    def _flush_soon(self) -> None:
        if self._timer or self._syncing or self._fault or self._lasting >= self._log.end:
            return
        with contextlib.suppress(RuntimeError):
            self._timer = asyncio.get_running_loop().call_later(SOON, self._sync_soon)

    def _sync_soon(self) -> None:
        """Have a task bring everything to the disk; who comes while it runs shares it."""
        if self._syncing is None:
            self._syncing = asyncio.get_running_loop().create_task(self._sync())

    async def _sync(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None
        try:
            end = self._log.end
            await asyncio.to_thread(self._write_through, self._own_sequence)
            self._has_lasted(end)
            self._tell()
        except OSError as error:
            self._fail(error)
        finally:
            self._syncing = None
        # What was appended meanwhile comes with the next one: whoever waits for it asks for that at once.
        self._flush_soon()

    def _has_lasted(self, end: int) -> None:
        """The log is on the disk up to here: wake up who waits for that, though others may go on to write."""
        self._lasting = end
        self._lasted.set()
        self._lasted = asyncio.Event()

    def _write_through(self, own: int) -> None:
        """First the log, then the note of it: a note without its message would look like a log that lost it."""
        with self._disk:
            if self._is_closed:
                return
            self._log.sync()
            if self._note and own > self._note.latest:
                self._note.note(own)
                self._note.sync()

    # Reading

    @property
    def _own_sequence(self) -> int:
        return self._own_head.sequence if self._own_head else 0

    def _stored_head(self, feed: str) -> Head | None:
        """The latest message of a feed, from the index. Raises IndexLost before the store is ready."""
        with self._asking():
            offset = self._index.head(feed)
            if offset is None:
                return None
            record = self._log.read(offset)
            entry = None if is_deleted(record) else self._entry(record, offset)
            if entry is None or entry.author != feed:
                raise Misplaced
            return entry.head

    def _keep_head(self, feed: str, head: Head | None) -> None:
        if head:
            self._heads[feed] = head
            self._heads.move_to_end(feed)
            if len(self._heads) > MOST_HEADS:
                self._heads.popitem(last=False)

    def _found(self, ask: Callable[[], Sequence[int]]) -> list[Stored]:
        """The messages at the offsets that the index tells. Raises NotReady, LogDamaged."""
        with self._asking():
            while offsets := ask():
                found, deleted = self._read(offsets)
                # As flumelog-offset's own indexes do: who asks again is not to be told of them.
                self._index.forget(deleted)
                if found:
                    return found
        return []

    def _read(self, offsets: Sequence[int]) -> tuple[list[Stored], list[int]]:
        """The messages at these offsets, and which of the records were deleted. Raises Misplaced."""
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

    def _message(self, record: bytes, offset: int) -> Stored:
        try:
            one = stored(record, offset)
        except InvalidFormat as error:
            raise self._damaged(offset, f"the record there is {error}") from None
        if one is None:
            raise Misplaced
        return one

    def _entry(self, record: bytes, offset: int) -> Entry | None:
        try:
            return entry_of(record)
        except InvalidFormat as error:
            raise self._damaged(offset, f"the record there is {error}") from None

    @contextlib.contextmanager
    def _asking(self) -> Iterator[None]:
        """To ask the index and read what it tells of: where that fails, it is the index that is made again."""
        try:
            yield
        except (IndexLost, Misplaced) as error:
            why = str(error) or "it tells of records that are not there"
            if not self.ready.is_set():
                raise IndexLost(why) from error
            raise self._lose(why) from error

    def _damaged(self, offset: int, what: str) -> LogDamaged:
        error = LogDamaged(self._log.path, offset, what)
        self._fail(error)
        return error

    def _check_ready(self) -> None:
        if not self.ready.is_set():
            raise NotReady

    def _check_sound(self) -> None:
        if self._fault:
            raise self._fault

    def _fail(self, error: Exception) -> None:
        if self._fault is None:
            self._fault = error
            self._failed.set()
            self._lasted.set()


def _index_of(log: Log, path: Path) -> Index:
    """The index of this log, or an empty one. Raises OSError."""
    try:
        index = Index.open(path)
    except IndexLost as error:
        if path.exists():
            _logger.warning("The index is made again from the log: %s.", error)
        return Index.make(path)
    if _is_of(index, log):
        return index
    _logger.warning("The index is made again: the log is not the one that it was made from.")
    index.drop()
    forget_views(log.path)
    return Index.make(path)


def _is_of(index: Index, log: Log) -> bool:
    covered = index.covered
    if not log.has_end(covered.end):
        return False
    if covered.last < 0:
        return True
    try:
        record = log.read(covered.last)
        one = None if is_deleted(record) else stored(record, covered.last)
    except (Misplaced, InvalidFormat):
        return False
    return one is None or one.key == covered.key


def _range(after: int, before: int | None, end: int, *, least: int) -> tuple[int, int]:
    """Bounds that SQLite takes, whatever numbers were asked for."""
    return min(max(after, least), end), min(max(before, least), end) if before is not None else end


def _bounded(limit: int) -> int:
    return min(max(limit, 0), MOST_MESSAGES)
