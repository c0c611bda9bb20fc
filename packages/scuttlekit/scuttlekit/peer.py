"""A connected peer, as programs use it."""

# ruff: noqa: ASYNC109 - our own timeout raises our own error, which says what did not answer

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from scuttlekit.errors import CallTimeout
from scuttlekit.streams import Stream

if TYPE_CHECKING:
    from scuttlekit.connection import Connection

CALL_TIMEOUT = 10.0
"""Seconds. ssb-server does not answer for up to 2.4 s while it indexes, which must not count as a failure."""


class Peer:
    """The other end of a connection, with an identity proven by the handshake.

    Call names are dotted, such as "invite.create". Every method raises ConnectionLost once the connection is
    gone.
    """

    __slots__ = ("_connection", "id")

    def __init__(self, connection: "Connection", feed_id: str) -> None:
        self._connection = connection
        self.id = feed_id

    def __repr__(self) -> str:
        return f"<Peer {self.id}{'' if self.is_open else ' (gone)'}>"

    async def call(self, name: str, *args: Any, timeout: float | None = CALL_TIMEOUT) -> Any:
        """Make an async (or sync) call and return its answer: bytes, str or JSON.

        Raises RemoteError if the peer refuses or fails, CallTimeout after `timeout` seconds, ProtocolError if
        the answer cannot be decoded.
        """
        return await self._connection.session.call(name, args, timeout)

    async def source(self, name: str, *args: Any, timeout: float | None = None) -> AsyncGenerator[Any, None]:
        """Read a source: `async for value in peer.source("createLogStream", {"live": True})`.

        The call is made when the first value is requested. Closing the generator ends the stream at the peer:
        use `contextlib.aclosing`, because after a bare `break` the event loop closes it only later. `timeout`
        is the longest silence between two values in seconds, by default unlimited. Raises as `call` does, and
        ConsumerTooSlow.
        """
        stream = self._connection.session.open("source", name, args)
        try:
            while True:
                try:
                    async with asyncio.timeout(timeout):
                        value = await anext(stream)
                except StopAsyncIteration:
                    return
                except TimeoutError:
                    raise CallTimeout(f"nothing from {name} within {timeout} s") from None
                yield value
        finally:
            stream.abort()

    def listen(self, name: str, *args: Any) -> Stream:
        """Open a source as a stream, to read it other than value by value. The caller must end it."""
        return self._connection.session.open("source", name, args)

    def sink(self, name: str, *args: Any) -> Stream:
        """Open a sink: `async with peer.sink("blobs.add") as sink: await sink.send(b"…")`."""
        return self._connection.session.open("sink", name, args)

    def duplex(self, name: str, *args: Any) -> Stream:
        """Open a duplex, for sending and iterating: `async with peer.duplex("ebt.replicate", …) as both`."""
        return self._connection.session.open("duplex", name, args)

    async def collect(
        self, name: str, *args: Any, limit: int, timeout: float | None = CALL_TIMEOUT
    ) -> list[Any]:
        """Read a source to its end, or its first `limit` values, and return them as a list."""
        values: list[Any] = []
        if limit > 0:
            async with aclosing(self.source(name, *args, timeout=timeout)) as source:
                async for value in source:
                    values.append(value)
                    if len(values) == limit:
                        break
        return values

    @property
    def host(self) -> str:
        """The IP address that the peer connected from, or that we connected to; empty if there is none."""
        return self._connection.host

    @property
    def is_open(self) -> bool:
        """Whether calls can be made. Cheap enough to check on thousands of peers."""
        return self._connection.is_open

    @property
    def closed(self) -> "asyncio.Future[None]":
        """Resolves once the connection is gone, for any reason; see `reason`.

        Each access returns a new future, so cancelling one does not affect other waiters.
        """
        return asyncio.shield(self._connection.closed)

    @property
    def reason(self) -> Exception | None:
        """Why the connection is gone: Goodbye, ConnectionLost or ProtocolError; None while it is open."""
        return self._connection.reason

    async def close(self) -> None:
        """Say goodbye and close. Waits at most a second for the peer's goodbye, and never raises for a lost peer."""
        await self._connection.close()
