"""History streams: the messages of one feed from a sequence number on. This is how feeds replicated before EBT."""

import asyncio
import math
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, Final

from scuttlekit.errors import ProtocolError, RemoteError, ScuttlebuttError
from scuttlekit.frames import Frame, Json
from scuttlekit.peer import Peer
from scuttlekit.pub import intake
from scuttlekit.pub.calls.options import feed_in, is_true, limit_in, number_in
from scuttlekit.pub.intake import Intake, IntakeResult
from scuttlekit.pub.store import Store, Stored
from scuttlekit.serving import Later

PIECE: Final = 100
PIECE_BYTES: Final = 48 << 10
"""Messages that are sent at a time, and about how many bytes."""

SILENCE: Final = 20.0
"""Seconds to wait for the next message of a stream that is not live."""
AT_ONCE: Final = 8
"""Streams read from one peer at the same time, besides that of its own feed."""
AGAIN: Final = 300.0
"""Seconds until a peer without EBT is asked for all feeds again."""
REFUSALS: Final = 3
"""After this many refused feeds in a row, a peer is asked for no more."""
LOOK: Final = 1.0
"""Seconds between checks for feeds that the peer was not asked for yet."""


class History:
    """Sends histories to peers, and reads histories from peers without EBT."""

    def __init__(self, store: Store, own_id: str, turns: asyncio.Lock) -> None:
        """`turns` makes sure that work is done for one peer at a time."""
        self._store = store
        self._own = own_id
        self._turns = turns
        self._waiting: dict[str, set[asyncio.Event]] = {}
        store.listen(self._hear)

    async def stream(
        self, peer: Peer, given: Any = None, seq: Any = None, live: Any = None, *_: Any
    ) -> AsyncGenerator[Later, None]:
        """Answer `createHistoryStream({id, seq, live, old, limit, keys, values})`, or with positional `id, seq, live`.

        `seq`, or `sequence`, is the first message wanted. Raises RemoteError for invalid options.
        """
        options = given if isinstance(given, dict) else {"id": given, "seq": seq, "live": live}
        feed = feed_in(options)
        last = _before(number_in(options, "sequence") or number_in(options, "seq") or 0)
        limit = limit_in(options)
        left = math.inf if limit is None else limit
        show = _shown(options)
        if not is_true(options, "old", default=True):
            last = max(last, self._store.clock.get(feed, 0))
        with self._news(feed) as news:
            while left > 0 and self._may_have(peer, feed):
                piece = Later(partial(self._read, feed, last, min(left, PIECE), show))
                yield piece
                if piece.count:
                    last += piece.count
                    left -= piece.count
                elif is_true(options, "live"):
                    await news.wait()
                    news.clear()
                else:
                    return

    async def fetch(self, peer: Peer, feed: str) -> None:
        """Fetch the messages of a feed that a peer has and the store lacks. Raises ScuttlebuttError, OSError."""
        await self._take(peer, feed, live=False)

    async def follow(self, peer: Peer, wanted: Callable[[], Sequence[str]]) -> None:
        """Fetch feeds from a peer while it is connected: its own live, others from time to time. Raises OSError."""
        loop = asyncio.get_running_loop()
        own: asyncio.Task[None] | None = None
        asked: set[str] = set()
        again = loop.time() + AGAIN
        try:
            while peer.is_open:
                if loop.time() >= again:
                    asked.clear()
                    again = loop.time() + AGAIN
                known = self._store.graph.changes
                feeds = [feed for feed in wanted() if feed not in asked]
                asked.update(feeds)
                if peer.id in feeds and (own is None or own.done()):
                    own = loop.create_task(self._follow_own(peer))
                others = iter([feed for feed in feeds if feed != peer.id])
                await asyncio.gather(*(self._fetch_each(peer, others) for _ in range(AT_ONCE)))
                while peer.is_open and loop.time() < again and self._store.graph.changes == known:
                    await asyncio.wait([peer.closed], timeout=LOOK)
        finally:
            if own is not None:
                own.cancel()

    async def _follow_own(self, peer: Peer) -> None:
        with suppress(ScuttlebuttError):
            await self._take(peer, peer.id, live=True)

    async def _fetch_each(self, peer: Peer, feeds: Iterator[str]) -> None:
        refused = 0
        for feed in feeds:
            if not peer.is_open or refused >= REFUSALS:
                return
            try:
                await self._take(peer, feed, live=False)
                refused = 0
            except RemoteError:
                refused += 1
            except (ScuttlebuttError, TimeoutError):
                continue

    async def _take(self, peer: Peer, feed: str, *, live: bool) -> None:
        head = self._store.head(feed)
        options = {"id": feed, "seq": (head.sequence if head else 0) + 1, "live": live, "keys": False}
        stream = peer.listen("createHistoryStream", options)
        taking = Intake(self._store, _hear_outcome)
        try:
            while True:
                async with asyncio.timeout(None if live else SILENCE):
                    frames = await stream.take()
                if not frames:
                    return
                for piece in intake.slices(frames):
                    async with self._turns:
                        taking.check(_messages_in(feed, piece))
                    await asyncio.sleep(0)
                taking.keep()
        finally:
            stream.abort()

    def _may_have(self, peer: Peer, feed: str) -> bool:
        graph = self._store.graph
        return not (
            graph.blocks(self._own, feed) or graph.blocks(self._own, peer.id) or graph.blocks(feed, peer.id)
        )

    def _read(self, feed: str, after: int, most: float, show: Callable[[Stored], Any]) -> list[Any]:
        kept: list[Any] = []
        size = 0
        for message in self._store.read_feed(feed, after, int(most)):
            kept.append(show(message))
            size += len(message.record)
            if size >= PIECE_BYTES:
                break
        return kept

    @contextmanager
    def _news(self, feed: str) -> Iterator[asyncio.Event]:
        """Provide an event that is set when messages of a feed are stored."""
        news = asyncio.Event()
        self._waiting.setdefault(feed, set()).add(news)
        try:
            yield news
        finally:
            self._waiting[feed].discard(news)
            if not self._waiting[feed]:
                del self._waiting[feed]

    def _hear(self, messages: Sequence[Stored]) -> None:
        if self._waiting:
            for feed in {message.author for message in messages}:
                for news in self._waiting.get(feed, ()):
                    news.set()


def _messages_in(feed: str, frames: Sequence[Frame]) -> list[dict[str, Any]]:
    """Extract the messages of one feed's history. Raises ProtocolError."""
    values = [intake.parsed(frame.body) for frame in frames]
    messages = [value for value in values if value != {"sync": True}]
    if not all(intake.is_message(value) and value["author"] == feed for value in messages):
        raise ProtocolError("a history can only contain messages of one feed")
    return messages


def _before(first: float) -> int:
    return max(math.ceil(min(first, 2**53)) - 1, 0)


def _shown(options: dict[str, Any]) -> Callable[[Stored], Any]:
    """Choose which parts of each message to send."""
    keys, values = (is_true(options, name, default=True) for name in ("keys", "values"))
    if keys and values:
        return lambda message: Json(message.record)
    return (lambda message: message.key) if keys else (lambda message: Json(message.value_text))


def _hear_outcome(_feed: str, _sequence: int, outcome: IntakeResult) -> None:
    if outcome is IntakeResult.BAD:
        raise ProtocolError("a message of the history is invalid")
