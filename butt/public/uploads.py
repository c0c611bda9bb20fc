"""What a browser or program sends that is too big for memory: read in a thread, as fast as it is taken, and bounded."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from typing import Any

from django.http import HttpRequest

from butt.agents.wishes import Refused

STALL_SECONDS = 60
MOST_SECONDS = 12 * 3600
"""For how long nothing may come, and how long all of it may take."""

MOST_DRAINED, DRAIN_SECONDS = 32 << 20, 10
"""How much more is taken of a body that is refused, so that its sender gets to read why."""

SILENCE_SECONDS = 3
"""Who has sent nothing for as long waits for the answer, and sends no more."""

Receive = Callable[[], Awaitable[Any]]
VIEWS = frozenset({"import", "api:import-agent"})
"""By their names: the body of a POST is not read before them, but by them, from `incoming(request)`."""


class Incoming:
    """A request's body as it comes. Read in a thread other than that of `loop`."""

    def __init__(self, receive: Receive, loop: asyncio.AbstractEventLoop, size: int) -> None:
        self._receive, self._loop = receive, loop
        self._deadline = time.monotonic() + MOST_SECONDS
        self._over = False
        self._awaited = False
        self._rest = b""
        self.size = size
        """What was announced, 0 when nothing was."""

    def chunks(self) -> Iterator[bytes]:
        """Raises `Refused`, `broken_off`, when it ends before its end."""
        while chunk := self._next():
            yield chunk

    def read(self, size: int = 1 << 16) -> bytes:
        """At most `size` bytes, none at the end. Raises `Refused` as `chunks` does."""
        data = self._rest or self._next()
        self._rest = data[size:]
        return data[:size]

    @property
    def is_over(self) -> bool:
        """Whether all of it was read, or nothing more can come."""
        return self._over

    @property
    def is_awaited(self) -> bool:
        """Whether any of it was asked for: who asked whether to send it was told to."""
        return self._awaited

    def _next(self) -> bytes:
        self._awaited = True
        while not self._over:
            patience = min(STALL_SECONDS, self._deadline - time.monotonic())
            if patience <= 0:
                raise _broken_off("It took too long: send it over a quicker line.")
            message = asyncio.run_coroutine_threadsafe(self._within(patience), self._loop).result()
            if message is None:
                raise _broken_off(f"For {STALL_SECONDS} seconds nothing more came: send it again.")
            if message["type"] == "http.disconnect":
                self._over = True
                raise _broken_off("The connection broke: send it again.")
            self._over = not message.get("more_body", False)
            if chunk := message.get("body", b""):
                return bytes(chunk)
        return b""

    async def _within(self, seconds: float) -> Any:
        try:
            async with asyncio.timeout(seconds):
                return await self._receive()
        except TimeoutError:
            return None


def _broken_off(message: str) -> Refused:
    return Refused("broken_off", message, "file")


async def forget(receive: Receive) -> None:
    """Take some of a body that nobody reads: a browser that still sends when the connection ends shows no answer."""
    left = MOST_DRAINED
    with suppress(TimeoutError):
        async with asyncio.timeout(DRAIN_SECONDS):
            while left > 0:
                async with asyncio.timeout(SILENCE_SECONDS):
                    message = await receive()
                left -= len(message.get("body", b""))
                if message["type"] == "http.disconnect" or not message.get("more_body", False):
                    return


def incoming(request: HttpRequest) -> Incoming:
    found: Incoming = request.META["butt.incoming"]
    return found
