"""Bodies small enough for memory: bounded in size and time, and in how many are arriving at once."""

import asyncio
import io
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile
from typing import IO, Any

from butt.limits.slowed import note
from butt.limits.table import BODIES, BODY_BYTES, BODY_SECONDS
from butt.serving.clients import Client

IN_MEMORY = 64 << 10
"""A body larger than this many bytes goes to a temporary file while the rest arrives."""

Receive = Callable[[], Awaitable[Any]]


class TooBig(Exception):
    """It has more bytes than are accepted, by default `BODY_BYTES`."""


class TooSlow(Exception):
    """It did not arrive in time, or was the slowest when others needed its place."""


class HungUp(Exception):
    """The client closed the connection before the body was complete."""


@dataclass(eq=False)
class _Reading:
    client: Client
    began: float
    timeout: asyncio.Timeout
    size: int = 0

    def pace(self, now: float) -> float:
        return self.size / (now - self.began + 1)


class Bodies:
    """Must be used on one event loop."""

    def __init__(self) -> None:
        self._networks: dict[str, dict[_Reading, None]] = {}
        self._count = 0

    async def whole(
        self, client: Client, receive: Receive, announced: int, most: int | None = None
    ) -> IO[bytes]:
        """A request's body, announced as `announced` bytes long. Raises `TooBig`, `TooSlow` and `HungUp`."""
        most = most or BODY_BYTES.most
        if announced > most:
            raise TooBig
        try:
            async with asyncio.timeout(BODY_SECONDS.most) as timeout:
                reading = _Reading(client, asyncio.get_running_loop().time(), timeout)
                self._enter(reading)
                try:
                    return await _read(receive, reading, most)
                finally:
                    self._leave(reading)
        except TimeoutError:
            note(BODY_SECONDS, client.address)
            raise TooSlow from None

    def _enter(self, reading: _Reading) -> None:
        self._networks.setdefault(reading.client.network, {})[reading] = None
        self._count += 1
        if self._count > BODIES.most:
            now = asyncio.get_running_loop().time()
            theirs = max(self._networks.values(), key=len)
            # The newest has not had time yet to show its pace.
            slowest = min(theirs, key=lambda each: (each is reading, each.pace(now)))
            self._leave(slowest)
            note(BODIES, slowest.client.address)
            slowest.timeout.reschedule(now)

    def _leave(self, reading: _Reading) -> None:
        theirs = self._networks.get(reading.client.network, {})
        if reading in theirs:
            del theirs[reading]
            self._count -= 1
        if not theirs:
            self._networks.pop(reading.client.network, None)


async def _read(receive: Receive, reading: _Reading, most: int) -> IO[bytes]:
    message = await _next(receive, reading, most)
    if not message.get("more_body", False):
        return io.BytesIO(message.get("body", b""))
    file: IO[bytes] = SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 - whoever gets it closes it
    try:
        file.write(message.get("body", b""))
        while message.get("more_body", False):
            message = await _next(receive, reading, most)
            file.write(message.get("body", b""))
    except BaseException:
        file.close()
        raise
    file.seek(0)
    return file


async def _next(receive: Receive, reading: _Reading, most: int) -> Any:
    message = await receive()
    if message["type"] == "http.disconnect":
        raise HungUp
    reading.size += len(message.get("body", b""))
    if reading.size > most:
        raise TooBig
    return message
