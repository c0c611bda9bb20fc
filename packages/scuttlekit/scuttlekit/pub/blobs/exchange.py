"""The exchange of blobs: who wants which, who has it, and fetching it.

Peers tell each other notes of blobs in the stream `blobs.createWants`. A number below zero says that a blob is wanted, and
how many hops away; one above says that the teller has it, and its size in bytes. A client that has a new blob wants it
itself, so that its pub asks for it.

What is special here: a blob is fetched only when somebody near in the follow graph wants it. Strangers are told what is here
and nothing is fetched for them. Wants of whoever went away are kept for a day, and so few that they cost nothing.

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
"""How far away a want may come from, in hops, for the pub to take part in it."""

PUSHED_TO: Final = 3
"""How many peers must have a blob that is pushed before the pub stops to offer it."""

KEPT: Final = 24 * 3600.0
"""Seconds for which a want is remembered of somebody who went away."""

SILENCE: Final = 30.0
"""Seconds without a byte after which a blob is asked of somebody else."""

_PIECE: Final = 200
_EXACT: Final = 1 << 53


class _Want:
    """A blob that is wanted. `hops` is as it is told to others, `since` the loop's seconds when it was last asked for.

    `whom` is the peer that it is fetched for, None where that is the pub itself.
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
    """One peer: what it is still to be told, and what it asked for."""

    def __init__(self, peer: Peer) -> None:
        self.peer = peer
        self.asked: dict[str, None] = {}
        self.fetching = 0
        self._notes: dict[str, int] = {}
        self._news = asyncio.Event()
        self._reader: object = None

    def tell(self, notes: dict[str, int], most: int) -> None:
        """Have the peer told notes soon; those that it does not take are forgotten beyond `most`."""
        self._notes.update(notes)
        while len(self._notes) > most:
            del self._notes[next(iter(self._notes))]
        self._news.set()

    async def notes(self) -> AsyncGenerator[dict[str, int], None]:
        """Give the notes in pieces. The newest reader gets them."""
        reader = self._reader = object()
        # An empty note says that this side speaks of wants at all.
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
    """The exchange with all peers of one pub.

    `is_known` says whether somebody is near enough to fetch blobs for, `coming` keeps room for a blob that comes, where there is
    any, and `guard` does work whose errors end it alone. Nothing is fetched while `is_saving`.
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
        """Listen to the notes of a peer until it is gone or ends them."""
        session = self._session(peer)
        stream = peer.listen("blobs.createWants")
        try:
            while frames := await stream.take():
                for frame in frames:
                    # To look for a thousand blobs takes some ms, and one look for each of a hundred peers would hold up
                    # everybody.
                    async with self._turns:
                        self._hear(session, frame.value)
                    await asyncio.sleep(0)
        finally:
            stream.abort()

    async def tell(self, peer: Peer) -> AsyncGenerator[Any, None]:
        """Answer `blobs.createWants`: what the pub wants, and what of the peer's wants it has."""
        session = self._session(peer)
        session.tell(self._wanted(), self._limits["wants"])
        async with aclosing(session.notes()) as notes:
            async for note in notes:
                yield note

    def asks(self, peer: Peer, blob: str) -> int | None:
        """Hear that a peer asks for a blob, and give its size in bytes if it is here. Raises ScuttlebuttError."""
        size = self._store.size(blob)
        if size is None:
            self._is_wanted(self._session(peer), blob, -1)
        return size

    async def want(self, blob: str) -> None:
        """Have the pub fetch a blob for itself, and wait until it is here. Raises ScuttlebuttError."""
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
        """Fetch again what is wanted, when nothing was fetched for a while."""
        self._fetch_soon()

    def push(self, blob: str) -> None:
        """Offer a blob to peers until some have it. Raises ScuttlebuttError."""
        if self._store.size(blob) is None:
            raise RemoteError("the pub does not have that blob")
        if len(self._pushed) >= self._limits["wants"]:
            raise RemoteError("the pub offers too many blobs already; try again later")
        self._pushed.setdefault(blob, set())
        self._tell_all({blob: -1})

    # What peers say.

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
            # The oldest is the least likely to be waited for.
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
        """Begin to fetch what somebody has, as far as there is room for it."""
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
        # Room is kept for as much as the peer said that it has.
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
