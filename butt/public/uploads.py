"""What a browser or program sends that is too big for memory: read in a thread, as fast as it is taken, and bounded."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

STALL_SECONDS = 60
MOST_SECONDS = 12 * 3600
"""For how long nothing may come, and how long all of it may take."""

MOST_DRAINED, DRAIN_SECONDS = 32 << 20, 10
"""How much more is taken of a body that is refused, so that its sender gets to read why."""

SILENCE_SECONDS = 1
"""Who has sent nothing for as long waits for the answer, and sends no more."""

Receive = Callable[[], Awaitable[Any]]
VIEWS = frozenset({"import", "api:import-agent"})
"""By their names: the body of a POST is not read before them, but by them, from `incoming(request)`."""


class Broken(Exception):
    """The sender went away, or sends too slowly."""


class Incoming:
    """A request's body as it comes. Read in a thread other than that of `loop`."""

    def __init__(self, receive: Receive, loop: asyncio.AbstractEventLoop, size: int) -> None:
        self._receive, self._loop = receive, loop
        self._deadline = time.monotonic() + MOST_SECONDS
        self._over = False
        self._rest = b""
        self.size = size
        """What was announced, 0 when nothing was."""

    def chunks(self) -> Iterator[bytes]:
        """Raises `Broken`."""
        while chunk := self._next():
            yield chunk

    def read(self, size: int = 1 << 16) -> bytes:
        """At most `size` bytes, none at the end. Raises `Broken`."""
        data = self._rest or self._next()
        self._rest = data[size:]
        return data[:size]

    def drain(self) -> None:
        """Take some more, to be forgotten."""
        self._deadline = time.monotonic() + DRAIN_SECONDS
        left = MOST_DRAINED
        try:
            while left > 0 and (chunk := self._next()):
                left -= len(chunk)
        except Broken:
            return

    @property
    def is_over(self) -> bool:
        return self._over

    def _next(self) -> bytes:
        while not self._over:
            patience = min(STALL_SECONDS, self._deadline - time.monotonic())
            if patience <= 0:
                raise Broken("It took too long.")
            message = asyncio.run_coroutine_threadsafe(self._within(patience), self._loop).result()
            if message is None:
                raise Broken("Nothing more came.")
            if message["type"] == "http.disconnect":
                self._over = True
                raise Broken("The connection broke.")
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


def with_words(answer: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Around what answers a stream: who is refused before the end gets to read it, and then the connection ends."""

    @wraps(answer)
    def wrapped(request: HttpRequest) -> HttpResponseBase:
        body = incoming(request)
        try:
            response = answer(request)
        except Broken as broken:
            response = HttpResponse(str(broken), status=408, content_type="text/plain")
        if not body.is_over:
            body.drain()
            response["Connection"] = "close"
        return response

    return wrapped
