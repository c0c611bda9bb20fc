"""Replication: exchanging feeds with every peer, by EBT, or by history streams with peers without EBT.

The pub sends every stored feed to everybody, except feeds that it blocks, and feeds whose authors block the
peer. It accepts feeds within `hops` of it in the follow graph, up to a number of bytes per day for each, and
as long as there is disk space. While traffic `is_saving`, it accepts only feeds that it follows.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from contextlib import suppress
from typing import Any, Final

from scuttlekit.ebt import Exchange
from scuttlekit.errors import Goodbye, RemoteError, ScuttlebuttError
from scuttlekit.keys import KeyPair
from scuttlekit.peer import Peer
from scuttlekit.pub.allowance import DailyAllowance
from scuttlekit.pub.history import History
from scuttlekit.pub.limits import Limits
from scuttlekit.pub.log import chatter
from scuttlekit.pub.quota import Quota
from scuttlekit.pub.replication_session import ReplicationSession
from scuttlekit.pub.store import Store, Stored
from scuttlekit.serving import Handlers, Later, SourceHandler, StreamHandler
from scuttlekit.streams import Stream

FORMAT: Final = {"version": 3, "format": "classic"}

TICK: Final = 0.5
REVIEW: Final = 0.05
"""Seconds until a change of the follow graph takes effect, so that many changes are handled together."""
CONTACT: Final = b'"type":"contact"'

NO_EBT: Final = 1.0
"""Seconds after which a peer that asked for a history but did not start EBT is taken to lack EBT."""


class Replication:
    """Replication with all peers. Keep `run` running for the life of the pub."""

    def __init__(
        self,
        store: Store,
        own: KeyPair,
        *,
        hops: int,
        limits: Limits,
        quota: Quota,
        is_saving: Callable[[], bool] = lambda: False,
    ) -> None:
        self._store = store
        self._own = own.id
        self._hops = hops
        self._limits = limits
        self._quota = quota
        self._is_saving = is_saving
        quota.on_change(self._look_at_graph)
        self._exchange = Exchange(self._withholds)
        # One peer at a time: a slice takes some ms, and a hundred peers' slices in a row would stall everybody.
        self._turns = asyncio.Lock()
        self._history = History(store, own.id, self._turns)
        self._sessions: dict[Peer, ReplicationSession] = {}
        self._followed: set[Peer] = set()
        """Peers whose histories are being read, or soon will be."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._reviewed = -1
        self._taken = DailyAllowance(limits["feedBytes"])
        self._is_full = False
        self._review: asyncio.TimerHandle | None = None

    def handlers(self) -> Handlers:
        """The calls that everybody may make."""
        return {
            "ebt.replicate": StreamHandler(self._replicate, two_way=True),
            "createHistoryStream": SourceHandler(self._give_history),
        }

    async def run(self) -> None:
        """Keep the exchange in step with the store and the follow graph, and fetch feeds that stall."""
        await self._store.ready.wait()
        loop = asyncio.get_running_loop()
        self._look_at_graph()
        stop = self._store.listen(self._hear)
        # Messages stored since `listen` are reported twice, which does no harm.
        for feed, sequence in tuple(self._store.clock.items()):
            self._exchange.have(feed, sequence, loop.time())
        try:
            while True:
                stalled = dict(self._exchange.tick(loop.time()))
                for session in tuple(self._sessions.values()):
                    if session.remote in stalled:
                        self._spawn(self._fetch(session, stalled[session.remote]))
                for session in tuple(self._sessions.values()):
                    session.weigh()
                if self._look_at_disk() or self._taken.renew():
                    self._look_at_graph()
                await asyncio.sleep(TICK)
        finally:
            stop()

    async def meet(self, peer: Peer, *, dialled: bool) -> None:
        """Start replication with a peer, and run it to its end. Raises ScuttlebuttError.

        The side that dialled starts EBT. A peer without EBT that dialled us asks for histories, and so do we.
        """
        await self._store.ready.wait()
        if not dialled or self._blocks(peer):
            return
        stream = peer.duplex("ebt.replicate", FORMAT)
        session = self._session(peer, stream)
        try:
            await self._exchange_with(session, speaks_first=False)
        except RemoteError:
            if session.has_begun:
                raise
        finally:
            stream.abort()
        if not session.has_begun and peer not in self._followed:
            self._followed.add(peer)
            await self._follow(peer)

    def _give_history(self, peer: Peer, *arguments: Any) -> AsyncGenerator[Later, None]:
        if peer not in self._followed and peer not in self._sessions and self._is_near(peer):
            self._followed.add(peer)
            self._spawn(self._follow_without_ebt(peer))
        return self._history.stream(peer, *arguments)

    async def _follow_without_ebt(self, peer: Peer) -> None:
        """Ask a peer that dialled us for histories too, unless it starts EBT first."""
        await asyncio.sleep(NO_EBT)
        if peer in self._sessions:
            self._followed.discard(peer)
        else:
            with suppress(ScuttlebuttError):
                await self._follow(peer)

    async def _follow(self, peer: Peer) -> None:
        try:
            await self._history.follow(peer, self._wanted)
        finally:
            self._followed.discard(peer)

    def _wanted(self) -> Sequence[str]:
        """The accepted feeds, the nearest first."""
        if self._is_full:
            return []
        hops = self._store.graph.hops(self._own, min(1, self._hops) if self._is_saving() else self._hops)
        feeds = [
            feed
            for feed, distance in hops.items()
            if not self._taken.is_used_up(feed) and self._quota.may_grow(feed, distance)
        ]
        return sorted(feeds, key=hops.__getitem__)[: self._limits["feeds"]]

    def _look_at_disk(self) -> bool:
        """Check whether there is still room for messages of others, and return whether that changed."""
        before, self._is_full = self._is_full, self._store.room < self._limits["roomForMessages"]
        if self._is_full and not before:
            self._limits.refuse("roomForMessages")
            chatter(
                "warning",
                "The disk is almost full: the pub accepts no messages from others until there is room.",
            )
        return self._is_full is not before

    def _withholds(self, feed: str, peer_id: str) -> bool:
        blocks = self._store.graph.blocks
        return blocks(self._own, feed) or blocks(feed, peer_id)

    def _blocks(self, peer: Peer) -> bool:
        return self._store.graph.blocks(self._own, peer.id)

    async def _replicate(self, peer: Peer, stream: Stream, options: Any = None, *_: Any) -> None:
        options = options if isinstance(options, dict) else {}
        if options.get("version") != FORMAT["version"]:
            raise RemoteError("expected ebt.replicate({version: 3})")
        if options.get("format", FORMAT["format"]) != FORMAT["format"]:
            raise RemoteError("only feeds of the format classic are replicated here")
        await self._store.ready.wait()
        if self._blocks(peer):
            return
        session = self._session(peer, stream)
        with suppress(Goodbye):
            await self._exchange_with(session, speaks_first=True)

    def _session(self, peer: Peer, stream: Stream) -> ReplicationSession:
        return ReplicationSession(self._exchange, self._store, self._limits, self._turns, peer, stream)

    async def _exchange_with(self, session: ReplicationSession, *, speaks_first: bool) -> None:
        peer = session.peer
        if (before := self._sessions.pop(peer, None)) is not None:
            before.end(Goodbye("replication with this peer started again"))
        self._sessions[peer] = session
        session.remote.friend = self._is_near(peer)
        try:
            await session.run(speaks_first=speaks_first)
        finally:
            session.leave()
            if self._sessions.get(peer) is session:
                del self._sessions[peer]

    def _is_near(self, peer: Peer) -> bool:
        return peer.id in self._store.graph.hops(self._own, self._hops)

    async def _fetch(self, session: ReplicationSession, feed: str) -> None:
        """Fetch the history of a feed that stalled in EBT: the peer may believe that we have messages we lost."""
        if session.is_fetching:
            return
        session.is_fetching = True
        try:
            await self._history.fetch(session.peer, feed)
        except (ScuttlebuttError, TimeoutError):
            return
        finally:
            session.is_fetching = False

    def _hear(self, messages: Sequence[Stored]) -> None:
        """Take note of stored messages."""
        loop = asyncio.get_running_loop()
        clock = self._store.clock
        sizes: dict[str, int] = {}
        for message in messages:
            author = message.author
            sizes[author] = sizes.get(author, 0) + len(message.record)
            if author != self._own and self._taken.use(author, len(message.record)):
                self._limits.refuse("feedBytes")
                self._review_soon()
        for feed in sizes:
            self._exchange.have(feed, clock.get(feed, 0), loop.time())
        self._quota.hear(sizes)
        if self._own in sizes and any(CONTACT in message.record for message in messages):
            # A feed that was just let in or blocked must not wait. A blocked feed may be one that is not replicated.
            self._look_at_graph()
        elif self._store.graph.changes != self._reviewed:
            self._review_soon()

    def review(self) -> None:
        """Re-evaluate whose messages are accepted."""
        self._look_at_graph()

    def _review_soon(self) -> None:
        if self._review is None:
            self._review = asyncio.get_running_loop().call_later(REVIEW, self._look_at_graph)

    def _look_at_graph(self) -> None:
        if self._review is not None:
            self._review.cancel()
            self._review = None
        self._reviewed = self._store.graph.changes
        self._exchange.want(self._wanted())
        for session in self._sessions.values():
            session.remote.friend = self._is_near(session.peer)
            if self._blocks(session.peer):
                session.end(Goodbye("replication is over"))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
