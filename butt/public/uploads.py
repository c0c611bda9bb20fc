"""Uploads too large for memory: read in a thread, as fast as they are processed, and bounded.

Only people get a slot, and only a limited number at once. If all are taken, the slowest must go when another
one arrives.
"""

import asyncio
import threading
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user
from django.http import HttpRequest

from butt.accounts.models import Account
from butt.accounts.session_store import SessionStore
from butt.accounts.tokens import holder_of
from butt.agents.actions import Refused
from butt.limits.slowed import note
from butt.limits.table import IMPORTS, PERSON_IMPORTS

STALL_SECONDS = 60
MOST_SECONDS = 12 * 3600
"""How long nothing may arrive, and how long all of it may take."""

MOST_DRAINED, DRAIN_SECONDS = 32 << 20, 10
"""How much more of a refused body is read, so that its sender gets to see the reason."""

SILENCE_SECONDS = 3
"""A sender silent for this long is waiting for the answer, and sends no more."""

YOUNG_SECONDS = 10
"""How long an upload has to show its pace before it may have to go."""

PLACE_SECONDS = 30
"""How long a newcomer waits for the slot of an upload that has to go."""

AT_ONCE = 1 << 20
"""How many bytes are collected on the event loop while the thread that reads them is busy with those before: switching between
the two costs more than a message of a few KiB is worth.
"""

LARGE = 1 << 17
"""Pieces of fewer bytes are joined: to make one of them takes less time than to pass each of them on."""

Receive = Callable[[], Awaitable[Any]]
VIEWS = frozenset({"import", "api:import-agent"})
"""The names of views that read the body of a POST themselves, from `incoming(request)`."""


class Incoming:
    """A request's body as it arrives. Must be read in a thread other than that of `loop`."""

    def __init__(self, receive: Receive, loop: asyncio.AbstractEventLoop, size: int) -> None:
        self._receive, self._loop = receive, loop
        self._deadline = time.monotonic() + MOST_SECONDS
        self._began = time.monotonic()
        self._collecting: asyncio.Task[None] | None = None
        self._changed, self._has_room = threading.Condition(), asyncio.Event()
        self._collected: list[bytes | bytearray] = []
        self._came = self._waiting = 0
        self._is_all_here = self._is_broken = False
        self._awaited = self._must_go = False
        self._rest, self._pieces = memoryview(b""), self.chunks()
        self.size = size
        """The announced size in bytes, 0 if none was announced."""

    def chunks(self) -> Iterator[bytes | bytearray]:
        """Raises `Refused`, `broken_off`, if the body ends early."""
        while pieces := self._next():
            yield from pieces

    def read(self, size: int = 1 << 16) -> bytes:
        """At most `size` bytes, none at the end. Raises `Refused` as `chunks` does."""
        data = self._rest or memoryview(next(self._pieces, b""))
        self._rest = data[size:]
        return bytes(data[:size])

    @property
    def is_over(self) -> bool:
        """Whether all of it has arrived, or nothing more can."""
        return self._is_all_here

    @property
    def is_awaited(self) -> bool:
        """Whether any of it was read: a sender who waited for permission to send it then has it."""
        return self._awaited

    @property
    def may_have_to_go(self) -> bool:
        """Whether it has shown its pace and more is to come. Once everything is here, it ends by itself."""
        return not self._is_all_here and time.monotonic() - self._began > YOUNG_SECONDS

    @property
    def pace(self) -> float:
        """Bytes per second so far."""
        return self._came / (time.monotonic() - self._began + 1)

    def has_to_go(self) -> None:
        """Another upload needs its slot."""
        with self._changed:
            self._must_go = True
            self._changed.notify()

    async def stop(self) -> None:
        """Nobody reads it any more. Must be called on the event loop."""
        if self._collecting:
            self._collecting.cancel()
            await asyncio.wait([self._collecting])

    def _next(self) -> list[bytes | bytearray]:
        """What has arrived by now; none at the end."""
        if not self._awaited:
            self._awaited = True
            self._loop.call_soon_threadsafe(self._begin)
        patience = min(STALL_SECONDS, self._deadline - time.monotonic())
        if patience <= 0:
            raise _broken_off("The upload took too long. Try again over a faster connection.")
        with self._changed:
            self._changed.wait_for(lambda: self._collected or self._is_all_here or self._must_go, patience)
            pieces, self._collected = self._collected, []
            is_full, self._waiting = self._waiting >= AT_ONCE, 0
        if is_full:
            self._loop.call_soon_threadsafe(self._has_room.set)
        if self._must_go:
            raise _broken_off(
                "Many people import bots at the moment, and this import was the slowest, so it had to make room. "
                "Try again over a faster connection, or later."
            )
        if pieces or (self._is_all_here and not self._is_broken):
            return pieces
        if self._is_broken:
            raise _broken_off("The connection broke. Try again.")
        raise _broken_off(f"No data arrived for {STALL_SECONDS} seconds. Send it again.")

    def _begin(self) -> None:
        if not self._must_go:
            self._collecting = self._loop.create_task(self._collect())

    async def _collect(self) -> None:
        while not self._is_all_here:
            message = await self._receive()
            with self._changed:
                self._is_broken = message["type"] == "http.disconnect"
                self._is_all_here = self._is_broken or not message.get("more_body", False)
                self._keep(message.get("body", b""))
                self._changed.notify()
            while self._waiting >= AT_ONCE:
                self._has_room.clear()
                await self._has_room.wait()

    def _keep(self, piece: bytes) -> None:
        self._came += len(piece)
        self._waiting += len(piece)
        if len(piece) >= LARGE:
            # Not copied: a new place in memory for each costs more than all else that is done with it.
            self._collected.append(piece)
        elif piece:
            if not (self._collected and isinstance(self._collected[-1], bytearray)):
                self._collected.append(bytearray())
            self._collected[-1] += piece


def _broken_off(message: str) -> Refused:
    return Refused("broken_off", message, "file")


async def forget(receive: Receive) -> None:
    """Read some of a body that nobody wants: a browser still sending when the connection ends shows no answer."""
    left = MOST_DRAINED
    with suppress(TimeoutError):
        async with asyncio.timeout(DRAIN_SECONDS):
            while left > 0:
                async with asyncio.timeout(SILENCE_SECONDS):
                    message = await receive()
                left -= len(message.get("body", b""))
                if message["type"] == "http.disconnect" or not message.get("more_body", False):
                    return


def sender_of(request: HttpRequest, *, of_the_api: bool) -> uuid.UUID | None:
    """The person who sends it, by the token of a call or the session of a page; None if nobody is signed in."""
    if of_the_api:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        holder = holder_of(token) if scheme.lower() == "bearer" else None
        return holder.person.id if holder else None
    request.session = SessionStore(request.COOKIES.get(settings.SESSION_COOKIE_NAME))
    account = get_user(request)
    return account.agent_id if isinstance(account, Account) else None


class UploadSlots:
    """The upload slots of one server. Must be used on one event loop."""

    def __init__(self) -> None:
        self._taken: list[Incoming] = []
        self._people: Counter[uuid.UUID] = Counter()
        self._left = asyncio.Condition()

    @asynccontextmanager
    async def place(self, person: uuid.UUID, body: Incoming) -> AsyncIterator[None]:
        """Raises `NoUploadSlot` if this person has as many as one may, or no slot becomes free."""
        if self._people[person] >= PERSON_IMPORTS.most:
            note(PERSON_IMPORTS, f"person {person}")
            raise NoUploadSlot
        self._people[person] += 1
        try:
            await self._enter(person, body)
            try:
                yield
            finally:
                self._taken.remove(body)
                async with self._left:
                    self._left.notify()
        finally:
            self._people[person] -= 1
            if not self._people[person]:
                del self._people[person]

    async def _enter(self, person: uuid.UUID, body: Incoming) -> None:
        try:
            async with asyncio.timeout(PLACE_SECONDS), self._left:
                while len(self._taken) >= IMPORTS.most:
                    self._send_one_away()
                    with suppress(TimeoutError):
                        async with asyncio.timeout(1):
                            await self._left.wait()
                self._taken.append(body)
        except TimeoutError:
            note(IMPORTS, f"person {person}")
            raise NoUploadSlot from None

    def _send_one_away(self) -> None:
        able = [body for body in self._taken if body.may_have_to_go]
        if able:
            min(able, key=lambda body: body.pace).has_to_go()


class NoUploadSlot(Exception):
    """As many uploads are under way as may be at once, in all or for this person."""


def incoming(request: HttpRequest) -> Incoming:
    found: Incoming = request.META["butt.incoming"]
    return found
