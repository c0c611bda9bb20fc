"""Connections with deadlines and bounds that uvicorn lacks: on request heads, and on clients that do not read
answers.

No connection is refused while an older, silent one can be closed instead. A proxy's connections belong to its
visitors, so only the overall bounds apply to them; bounds for each visitor's address are checked for each
request.
"""

import asyncio
import logging
import os
import resource
from collections import Counter
from heapq import heapify, heappop, heapreplace
from typing import Any, ClassVar

from uvicorn.config import Config
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from butt.limits.networks import network_of
from butt.limits.slowed import note
from butt.limits.table import (
    ADDRESS_CONNECTIONS,
    CONNECTIONS,
    HEAD_BYTES,
    HEAD_SECONDS,
    PIPELINED,
    SILENT_CONNECTIONS,
    STALL_SECONDS,
    Limit,
)

LOOK_EVERY = 1.0
KEEP_ALIVE = 5
"""Seconds that a connection stays open after an answer."""

OTHER_FILES = 256
"""The most files that a server opens besides connections."""

ROOM_MADE = 10
"""When there are too many, one in this many is closed at once, as finding them for each new one would be slow."""

TOO_LONG = b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
TOO_SLOW = b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
NO_REQUEST = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"

log = logging.getLogger("butt.serving")


class HttpConnections:
    """All connections of one server. Must be used on one event loop."""

    def __init__(self, proxies: str | list[str]) -> None:
        """`proxies` are the addresses from which uvicorn trusts forwarded addresses, in uvicorn's own format."""
        self._proxies = ProxyHeadersMiddleware(_no_app, proxies).trusted_hosts
        self._open: Counter[str] = Counter()
        self._open_count = 0
        self._silent: dict[str, dict[HttpConnection, float]] = {}
        self._silent_count = 0
        self._stalled: dict[HttpConnection, float] = {}
        self._looking: asyncio.TimerHandle | None = None
        files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        self._files = max(16, files - OTHER_FILES)

    @property
    def count(self) -> int:
        return self._open_count

    @property
    def silent(self) -> int:
        """How many have sent no complete request since the last answer."""
        return self._silent_count

    def opened(self, connection: "HttpConnection") -> None:
        network = connection.network
        self._open[network] += 1
        self._open_count += 1
        self._falls_silent(connection)
        if self._open_count > min(CONNECTIONS.most, self._files):
            self._close_one(CONNECTIONS, connection)
        elif self._open[network] > ADDRESS_CONNECTIONS.most and not self._is_proxy(connection):
            self._close_one(ADDRESS_CONNECTIONS, connection, of=network)
        if self._silent_count > SILENT_CONNECTIONS.most:
            self._make_room()
        if self._looking is None:
            self._looking = connection.loop.call_later(LOOK_EVERY, self._look, connection.loop)

    def closed(self, connection: "HttpConnection") -> None:
        self._open[connection.network] -= 1
        self._open_count -= 1
        if not self._open[connection.network]:
            del self._open[connection.network]
        self.speaks(connection)
        self.flows(connection)

    def _falls_silent(self, connection: "HttpConnection") -> None:
        theirs = self._silent.setdefault(connection.network, {})
        if theirs.pop(connection, None) is None:
            self._silent_count += 1
        theirs[connection] = connection.loop.time() + HEAD_SECONDS.most

    def answered(self, connection: "HttpConnection") -> None:
        """The next request may come. `KEEP_ALIVE` is shorter than the time allowed for a head, and ends the
        connection first.
        """
        if not connection.transport.is_closing():
            self._falls_silent(connection)

    def begins(self, connection: "HttpConnection") -> None:
        """The first bytes of the next request arrived."""
        self._falls_silent(connection)

    def speaks(self, connection: "HttpConnection") -> None:
        """It has sent a complete head."""
        theirs = self._silent.get(connection.network, {})
        if theirs.pop(connection, None) is not None:
            self._silent_count -= 1
        if not theirs:
            self._silent.pop(connection.network, None)

    def stalls(self, connection: "HttpConnection") -> None:
        """It has stopped reading what is sent to it."""
        self._stalled[connection] = connection.loop.time() + STALL_SECONDS.most

    def flows(self, connection: "HttpConnection") -> None:
        self._stalled.pop(connection, None)

    def _is_proxy(self, connection: "HttpConnection") -> bool:
        return bool(connection.client and connection.client[0] in self._proxies)

    def _make_room(self) -> None:
        """Repeatedly close the oldest connection of the network that has the most."""
        most_first = [(-len(theirs), order, theirs) for order, theirs in enumerate(self._silent.values())]
        heapify(most_first)
        for _ in range(max(1, SILENT_CONNECTIONS.most // ROOM_MADE)):
            _, order, theirs = most_first[0]
            self._drop(next(iter(theirs)), SILENT_CONNECTIONS)
            if theirs:
                heapreplace(most_first, (-len(theirs), order, theirs))
            else:
                heappop(most_first)

    def _close_one(self, limit: Limit, newest: "HttpConnection", of: str = "") -> None:
        """Close the oldest silent connection, of that network if one is given, or the newest itself if none
        is silent.
        """
        network = of or max(self._silent, key=lambda each: len(self._silent[each]))
        self._drop(next(iter(self._silent.get(network, [newest]))), limit)

    def _drop(self, connection: "HttpConnection", limit: Limit) -> None:
        note(limit, f"address {connection.network}")
        self.speaks(connection)
        connection.abort()

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        """Close connections that are late. Each network's are in order of age, and all get the same time."""
        now = loop.time()
        for theirs in list(self._silent.values()):
            late = []
            for connection, ends in theirs.items():
                if ends > now:
                    break
                late.append(connection)
            for connection in late:
                note(HEAD_SECONDS, f"address {connection.network}")
                self.speaks(connection)
                connection.end(TOO_SLOW if connection.has_begun else b"")
        for connection in [each for each, ends in self._stalled.items() if ends <= now]:
            note(STALL_SECONDS, f"address {connection.network}")
            self.flows(connection)
            connection.abort()
        self._looking = loop.call_later(LOOK_EVERY, self._look, loop) if self._open else None


class TooMuch(Exception):
    """Stops the parser from working on what a connection sent."""


class HttpConnection(HttpToolsProtocol):
    """One connection of a browser, a program or a proxy."""

    all: ClassVar[HttpConnections]

    def __init__(
        self, config: Config, server_state: ServerState, app_state: dict[str, Any], **loop: Any
    ) -> None:
        super().__init__(config, server_state, app_state, **loop)
        self.network = ""
        self.has_begun = False
        self._in_head = False
        self._since_body = 0
        self._unanswered: list[RequestResponseCycle] = []

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.network = network_of(self.client[0] if self.client else "")
        self.all.opened(self)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._answers_nobody()
        self.all.closed(self)

    def data_received(self, data: bytes) -> None:
        """Bytes outside a body are counted: they stay in memory until the head they belong to is complete."""
        if self.transport.is_closing() or self.parser is None:
            return
        if not self.has_begun:
            self.has_begun = True
            if self.cycle is not None and self.cycle.response_complete:
                self.all.begins(self)
        self._since_body += len(data)
        super().data_received(data)
        if self._since_body > HEAD_BYTES.most and not self.transport.is_closing():
            self._refuse_head()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn calls it so
        # What follows an invalid request is not valid either, so nothing that is being answered goes on.
        if not self.transport.is_closing():
            self.end(NO_REQUEST)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head = True

    def on_headers_complete(self) -> None:
        self._in_head = False
        if sum(len(name) + len(value) for name, value in self.headers) + len(self.url) > HEAD_BYTES.most:
            self._refuse_head()
            raise TooMuch
        self._since_body = 0
        self.all.speaks(self)
        self.scope["butt.is_gone"] = self._is_gone  # type: ignore[typeddict-unknown-key]
        super().on_headers_complete()
        self._unanswered = [each for each in self._unanswered if not each.response_complete]
        self._unanswered.append(self.cycle)
        if len(self.pipeline) > PIPELINED.most:
            note(PIPELINED, f"address {self.network}")
            self.abort()
            raise TooMuch

    def on_header(self, name: bytes, value: bytes) -> None:
        """Headers after the head are trailers of a body, which nobody reads."""
        if self._in_head:
            super().on_header(name, value)

    def on_body(self, body: bytes) -> None:
        self._since_body = 0
        # A piece that nothing waits before is passed on as it is: an upload of a GiB would be copied twice more.
        before: bytes | bytearray = self.cycle.body
        if not isinstance(before, bytearray) or not before:
            self.cycle.body = bytearray(before) if before else b""  # type: ignore[assignment]
        super().on_body(body)

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._since_body = 0
        self.has_begun = False

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if not self.pipeline and self.cycle.response_complete:
            self.all.answered(self)

    def pause_writing(self) -> None:
        super().pause_writing()
        self.all.stalls(self)

    def resume_writing(self) -> None:
        super().resume_writing()
        self.all.flows(self)

    def end(self, answer: bytes) -> None:
        """Close it, with this answer unless another one is being sent."""
        if answer and (self.cycle is None or self.cycle.response_complete):
            self.transport.write(answer)
        self.transport.close()
        self._answers_nobody()

    def abort(self) -> None:
        self.transport.abort()
        self._answers_nobody()

    def _answers_nobody(self) -> None:
        """Uvicorn tells only the latest request that the client is gone: the others would be answered on a
        closed connection.
        """
        self.pipeline.clear()
        for cycle in self._unanswered:
            cycle.disconnected = True
            cycle.message_event.set()
        self._unanswered.clear()

    def _refuse_head(self) -> None:
        note(HEAD_BYTES, f"address {self.network}")
        self.end(TOO_LONG)

    def _is_gone(self) -> bool:
        return self.transport.is_closing()


async def _no_app(*_: Any) -> None:
    """Uvicorn's middleware knows which addresses are proxies; it is used for nothing else here."""


def connection_class(proxies: str | list[str] | None = None) -> type[HttpConnection]:
    """For `uvicorn.run(http=…)`: a class of connections that know of each other. `proxies` in uvicorn's format."""
    trusted = proxies if proxies is not None else os.environ.get("FORWARDED_ALLOW_IPS", "127.0.0.1")
    return type("Connection", (HttpConnection,), {"all": HttpConnections(trusted)})
