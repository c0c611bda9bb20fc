"""Blob exchange: who wants which blob, who has it, and fetching it.

Peers send each other notes about blobs in the stream `blobs.createWants`. A negative number means that a blob
is wanted, and how many hops away. A positive number means that the sender has it, and its size in bytes. A
client that has a new blob wants it itself, so that its pub asks for it.

What is special about this implementation: a blob is fetched only if somebody near in the follow graph wants
it. Strangers are told what the pub has, but nothing is fetched for them. The wants of peers that left are kept
for a day, and only a few.

Source: https://github.com/ssbc/ssb-blobs
"""

import asyncio
import os
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import AbstractContextManager, aclosing, suppress
from pathlib import Path
from typing import Any, Final

from scuttlekit.errors import RemoteError, ScuttlebuttError
from scuttlekit.peer import Peer
from scuttlekit.pub.allowance import DailyAllowance
from scuttlekit.pub.blobs.store import BlobStore, is_blob_id
from scuttlekit.pub.limits import Limits

SYMPATHY: Final = 3
"""The pub joins in a want from at most this many hops away."""

PUSHED_TO: Final = 3
"""The pub stops offering a pushed blob once this many peers have it."""

KEPT: Final = 24 * 3600.0
"""Seconds for which a want is remembered after its peer left."""

SILENCE: Final = 30.0
"""Seconds without a byte after which another peer is asked for the blob."""

_PIECE: Final = 200
_EXACT: Final = 1 << 53


class _Want:
    """A wanted blob. `hops` is as sent to others; `since` is when it was last asked for, in loop seconds.

    `whom` is the peer it is fetched for, or None for the pub itself.
    """

    __slots__ = ("asking", "holders", "hops", "since", "waiting", "whom")

    def __init__(self, hops: int, since: float, whom: str | None) -> None:
        self.hops = hops
        self.since = since
        self.whom = whom
        self.holders: dict[BlobSession, int] = {}
        self.asking = False
        self.waiting: list[asyncio.Future[None]] = []


class BlobSession:
    """One peer: the notes it has yet to receive, and the blobs it asked for."""

    def __init__(self, peer: Peer) -> None:
        self.peer = peer
        self.asked: dict[str, None] = {}
        self.fetching = 0
        self._notes: dict[str, int] = {}
        self._news = asyncio.Event()
        self._reader: object = None

    def tell(self, notes: dict[str, int], most: int) -> None:
        """Queue notes for the peer. At most `most` are kept; the oldest are dropped first."""
        self._notes.update(notes)
        while len(self._notes) > most:
            del self._notes[next(iter(self._notes))]
        self._news.set()

    async def notes(self) -> AsyncGenerator[dict[str, int], None]:
        """Yield the queued notes in pieces. Only the newest reader gets them."""
        reader = self._reader = object()
        # An empty note tells the peer that this side exchanges wants.
        yield {}
        while self._reader is reader:
            if not self._notes:
                self._news.clear()
                await self._news.wait()
                continue
            names = list(self._notes)[:_PIECE]
            yield {name: self._notes.pop(name) for name in names}
        self._news.set()


class BlobExchange:
    """The blob exchange with all peers of one pub.

    `is_known` says whether a peer is near enough to fetch blobs for. `coming` reserves space for an incoming
    blob, if there is any. `guard` runs work whose errors end only that work. Nothing is fetched while
    `is_saving`.
    """

    def __init__(
        self,
        store: BlobStore,
        folder: Path,
        limits: Limits,
        *,
        is_known: Callable[[Peer], bool],
        coming: Callable[[str, int], AbstractContextManager[bool]],
        guard: Callable[[Coroutine[Any, Any, None]], Coroutine[Any, Any, None]],
        is_saving: Callable[[], bool],
    ) -> None:
        self._store = store
        self._folder = folder
        self._limits = limits
        self._is_known = is_known
        self._coming = coming
        self._guard = guard
        self._is_saving = is_saving
        self._sessions: dict[Peer, BlobSession] = {}
        self._wants: dict[str, _Want] = {}
        self._pushed: dict[str, set[str]] = {}
        self._fetching = 0
        self._fetched = DailyAllowance(limits["blobBytes"])
        self._tasks: set[asyncio.Task[None]] = set()
        self._turns = asyncio.Lock()
        store.listen(self._came)

    async def meet(self, peer: Peer) -> None:
        """Read a peer's notes until it disconnects or ends the stream."""
        session = self._session(peer)
        stream = peer.listen("blobs.createWants")
        try:
            while frames := await stream.take():
                for frame in frames:
                    # Looking up a thousand blobs takes some ms; doing so for a hundred peers in a row would
                    # stall everybody.
                    async with self._turns:
                        self._hear(session, frame.value)
                    await asyncio.sleep(0)
        finally:
            stream.abort()

    async def tell(self, peer: Peer) -> AsyncGenerator[Any, None]:
        """Answer `blobs.createWants`: what the pub wants, and which of the peer's wants it has."""
        session = self._session(peer)
        session.tell(self._wanted(), self._limits["wants"])
        async with aclosing(session.notes()) as notes:
            async for note in notes:
                yield note

    def asks(self, peer: Peer, blob: str) -> int | None:
        """Get the size in bytes of a blob that a peer asks for; if it is missing, want it. Raises ScuttlebuttError."""
        size = self._store.size(blob)
        if size is None:
            self._is_wanted(self._session(peer), blob, -1)
        return size

    async def want(self, blob: str) -> None:
        """Fetch a blob for the pub itself, and wait until it has arrived. Raises ScuttlebuttError."""
        if self._store.size(blob) is not None:
            return
        want = self._begin(blob, -1, None)
        if want is None:
            raise RemoteError("the pub wants too many blobs already; try again later")
        waiting = asyncio.get_running_loop().create_future()
        want.waiting.append(waiting)
        self._fetch_soon()
        try:
            await waiting
        finally:
            want.waiting.remove(waiting)

    def go_on(self) -> None:
        """Resume fetching wanted blobs after a pause."""
        self._fetch_soon()

    def push(self, blob: str) -> None:
        """Offer a blob to peers until some have it. Raises ScuttlebuttError."""
        if self._store.size(blob) is None:
            raise RemoteError("the pub does not have that blob")
        if len(self._pushed) >= self._limits["wants"]:
            raise RemoteError("the pub offers too many blobs already; try again later")
        self._pushed.setdefault(blob, set())
        self._tell_all({blob: -1})

    # What peers tell us.

    def _session(self, peer: Peer) -> BlobSession:
        session = self._sessions.get(peer)
        if session is None:
            session = self._sessions[peer] = BlobSession(peer)
            peer.closed.add_done_callback(lambda _: self._gone(session))
        return session

    def _gone(self, session: BlobSession) -> None:
        self._sessions.pop(session.peer, None)
        for want in self._wants.values():
            want.holders.pop(session, None)

    def _hear(self, session: BlobSession, note: Any) -> None:
        if not isinstance(note, dict) or len(note) > self._limits["notes"]:
            self._limits.refuse("notes")
            return
        answers: dict[str, int] = {}
        for blob, number in note.items():
            if not is_blob_id(blob) or not isinstance(number, int | float) or isinstance(number, bool):
                continue
            if number > 0:
                self._is_had(session, blob, number)
            elif (size := self._store.size(blob)) is not None:
                answers[blob] = size
            else:
                self._is_wanted(session, blob, max(int(number), -_EXACT) if number > -_EXACT else -_EXACT)
        if answers:
            session.tell(answers, self._limits["wants"])

    def _is_wanted(self, session: BlobSession, blob: str, number: int) -> None:
        if len(session.asked) >= self._limits["wants"]:
            # The peer is least likely to still be waiting for the oldest.
            del session.asked[next(iter(session.asked))]
            self._limits.refuse("wants")
        session.asked[blob] = None
        hops = number - 1
        if -hops > SYMPATHY or not self._is_known(session.peer):
            return
        known = self._wants.get(blob)
        if known is None or known.hops < hops:
            self._begin(blob, hops, session.peer.id)

    def _is_had(self, session: BlobSession, blob: str, size: float) -> None:
        if blob in self._pushed:
            self._has_pushed(session, blob)
        want = self._wants.get(blob)
        if want is None or session in want.holders:
            return
        if size > self._limits["blob"]:
            self._limits.refuse("blob")
        elif len(want.holders) < self._limits["holders"]:
            want.holders[session] = int(size)
            self._fetch_soon()

    def _has_pushed(self, session: BlobSession, blob: str) -> None:
        peers = self._pushed.get(blob)
        if peers is not None:
            peers.add(session.peer.id)
            if len(peers) >= PUSHED_TO:
                del self._pushed[blob]

    # What the pub wants.

    def _wanted(self) -> dict[str, int]:
        return {**{blob: want.hops for blob, want in self._wants.items()}, **dict.fromkeys(self._pushed, -1)}

    def _begin(self, blob: str, hops: int, whom: str | None) -> _Want | None:
        now = asyncio.get_running_loop().time()
        want = self._wants.get(blob)
        if want is None:
            self._fetched.renew()
            if whom is not None and self._fetched.is_used_up(whom):
                self._limits.refuse("blobBytes")
                return None
            self._forget_old(now)
            if len(self._wants) >= self._limits["wantedBlobs"]:
                self._limits.refuse("wantedBlobs")
                return None
            want = self._wants[blob] = _Want(hops, now, whom)
        want.hops, want.since = max(want.hops, hops), now
        if whom is None:
            want.whom = None
        self._tell_all({blob: want.hops})
        return want

    def _forget_old(self, now: float) -> None:
        old = [blob for blob, want in self._wants.items() if want.since < now - KEPT and not want.waiting]
        for blob in old:
            del self._wants[blob]

    def _tell_all(self, notes: dict[str, int]) -> None:
        for session in self._sessions.values():
            session.tell(notes, self._limits["wants"])

    def _came(self, blob: str, size: int) -> None:
        want = self._wants.pop(blob, None)
        for waiting in tuple(want.waiting) if want else ():
            if not waiting.done():
                waiting.set_result(None)
        for session in self._sessions.values():
            if blob in session.asked or self._is_known(session.peer):
                session.asked.pop(blob, None)
                session.tell({blob: size}, self._limits["wants"])

    # Fetching.

    def _fetch_soon(self) -> None:
        """Start fetching wanted blobs that some peer has, as far as the limits allow."""
        if self._is_saving():
            return
        for blob, want in tuple(self._wants.items()):
            if self._fetching >= self._limits["fetching"]:
                return
            if want.asking or not want.holders:
                continue
            if want.whom is not None and self._fetched.is_used_up(want.whom):
                self._limits.refuse("blobBytes")
                del self._wants[blob]
                continue
            free = [session for session in want.holders if session.fetching < self._limits["fetchingFromOne"]]
            if free:
                self._fetching += 1
                want.asking = True
                session = min(free, key=lambda session: session.fetching)
                session.fetching += 1
                task = asyncio.get_running_loop().create_task(self._guard(self._fetch(blob, want, session)))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def _fetch(self, blob: str, want: _Want, session: BlobSession) -> None:
        try:
            size = want.holders.pop(session, 0)
            disk = os.statvfs(self._folder)
            if disk.f_bavail * disk.f_frsize < size + self._limits["roomForBlobs"]:
                self._limits.refuse("roomForBlobs")
                return
            with self._coming(blob, size) as has_room, suppress(ScuttlebuttError, TimeoutError):
                if has_room:
                    await self._receive(blob, size, session.peer, want.whom)
        finally:
            want.asking = False
            session.fetching -= 1
            self._fetching -= 1
            self._fetch_soon()

    async def _receive(self, blob: str, size: int, peer: Peer, whom: str | None) -> None:
        # Space was reserved for the size that the peer stated.
        most = min(size, self._limits["blob"])
        async with asyncio.timeout(self._limits["fetchSeconds"]):
            with self._store.draft(blob, most) as draft:
                stream = peer.listen("blobs.get", {"key": blob, "max": most})
                try:
                    while frames := await asyncio.wait_for(stream.take(), SILENCE):
                        for frame in frames:
                            draft.write(frame.value)
                            if whom is not None:
                                self._fetched.use(whom, len(frame.body))
                finally:
                    stream.abort()
                await draft.file()
