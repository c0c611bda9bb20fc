"""Dialling peers, and accepting connections."""

# ruff: noqa: ASYNC109 - our own timeout raises our own error, which says what did not answer

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address

from scuttlekit import handshake
from scuttlekit.addresses import Address
from scuttlekit.connection import MOST_UNTAKEN, Connection, Traffic
from scuttlekit.errors import HandshakeFailed, ScuttlebuttError, Unreachable
from scuttlekit.keys import KeyPair, decode_feed_id
from scuttlekit.peer import Peer
from scuttlekit.serving import Api, Handlers

HANDSHAKE_TIMEOUT = 5.0
MAX_CONNECTIONS = 1000
_BACKLOG = 511
"""How many connections may wait in the kernel to be accepted."""
_AT_ONCE = 16
"""How many connections are accepted at a time, before the state of earlier ones is processed. Many may be
gone already."""

Offer = Handlers | Api | Callable[[Peer], Api] | None
"""The calls a peer may make: handlers by name, or a function that chooses by peer."""


async def dial(
    address: Address,
    keys: KeyPair,
    *,
    timeout: float = 5.0,
    network: bytes = handshake.MAIN_NETWORK,
    handlers: Offer = None,
    traffic: Traffic | None = None,
) -> Peer:
    """Connect to a peer, which must prove that it has the key `address.key`. The caller closes the peer.

    `timeout` is in seconds, for name resolution, TCP and handshake together. `handlers` answer the peer's
    calls.
    Raises Unreachable or HandshakeFailed.
    """
    if address.transport != "net":
        raise Unreachable(f"the transport {address.transport} is not supported")
    steps = handshake.client(keys, decode_feed_id(address.key), network)
    connection = Connection(steps, _chooser(handlers), deadline=None, traffic=traffic)
    made = False
    try:
        async with asyncio.timeout(timeout):
            await asyncio.get_running_loop().create_connection(lambda: connection, address.host, address.port)
            made = True
            return await asyncio.shield(connection.ready)
    except TimeoutError:
        error = HandshakeFailed if made else Unreachable
        raise error(f"{address.host}:{address.port} gave no answer within {timeout} s") from None
    except (OSError, ValueError) as error:
        # A name that is not valid in DNS raises ValueError.
        if isinstance(error, ScuttlebuttError):
            raise
        raise Unreachable(f"{address.host}:{address.port} cannot be reached: {error}") from error
    finally:
        if not connection.is_open:
            connection.fail(Unreachable("we gave up"))


@asynccontextmanager
async def connect(
    address: Address,
    keys: KeyPair,
    *,
    timeout: float = 5.0,
    network: bytes = handshake.MAIN_NETWORK,
    handlers: Offer = None,
) -> AsyncIterator[Peer]:
    """Connect to a peer as `dial` does, for the length of a block, and say goodbye at its end."""
    peer = await dial(address, keys, timeout=timeout, network=network, handlers=handlers)
    try:
        yield peer
    finally:
        await peer.close()


def listen(host: str, port: int) -> socket.socket:
    """Bind a port. Clients that connect wait until a `Server` starts on it. `::` includes IPv4. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    family, kind, protocol, _, address = found[0]
    listening = socket.socket(family, kind, protocol)
    try:
        listening.setblocking(False)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listening.bind(address)
        listening.listen(_BACKLOG)
    except BaseException:
        listening.close()
        raise
    return listening


def host_of(address: str) -> str | None:
    """The key by which connections count as one host: an IPv4 address, or the /64 of an IPv6 address.

    None if there is no bound: in a private network, everybody may come from the same address.
    """
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return None
    if isinstance(found, IPv6Address):
        if (mapped := found.ipv4_mapped) is not None:
            found = mapped
        elif found.is_global:
            return found.exploded[:19]
    return str(found) if found.is_global else None


@dataclass(frozen=True, slots=True)
class ServerLimits:
    """The limits of a server.

    `connections` and `from_one_host` limit concurrent connections; more are closed on arrival. `host_of` says
    which connections count together. `handshakes` limits unfinished handshakes: beyond it, the oldest one of
    the address with the most is closed, since an honest handshake takes no time. `untaken` is how many
    seconds a peer may leave its bytes untaken.
    """

    connections: int = MAX_CONNECTIONS
    from_one_host: int = MAX_CONNECTIONS
    handshakes: int = MAX_CONNECTIONS
    untaken: float = MOST_UNTAKEN
    host_of: Callable[[str], str | None] = host_of


class Server:
    """A listening server. Call `start` and `close`, or use `serve`, which does both for the length of a block.

    `offer` says which calls a peer may make. `welcome` takes a feed id, and may turn the peer away. `meet` is
    called with each peer that connects, and `refuse` with the bound of `room` for which a connection was
    turned away.
    """

    def __init__(
        self,
        keys: KeyPair,
        offer: Offer = None,
        *,
        network: bytes = handshake.MAIN_NETWORK,
        welcome: Callable[[str], bool] | None = None,
        meet: Callable[[Peer], object] | None = None,
        refuse: Callable[[str], object] | None = None,
        room: ServerLimits | None = None,
        handshake_timeout: float = HANDSHAKE_TIMEOUT,
        traffic: Traffic | None = None,
    ) -> None:
        self._keys = keys
        self._offer = _chooser(offer)
        self._network = network
        self._welcome = welcome
        self._meet = meet
        self._refuse = refuse or (lambda _bound: None)
        self._room = room or ServerLimits()
        self._deadline = handshake_timeout
        self._traffic = traffic
        self._connections: set[Connection] = set()
        # By address, then in order of arrival.
        self._unfinished: dict[str, dict[Connection, None]] = {}
        self._shaking = 0
        self._hosts: dict[str, int] = {}
        self._listening: asyncio.Server | None = None
        self._address: Address | None = None

    @property
    def address(self) -> Address:
        """Where clients reach it, with the port that it got. Raises RuntimeError before `start`."""
        if self._address is None:
            raise RuntimeError("the server has no address before it has started")
        return self._address

    @property
    def peers(self) -> list[Peer]:
        """Everybody who is connected and has shaken hands."""
        return [connection.ready.result() for connection in self._connections if connection.is_open]

    async def start(self, host: str, port: int, *, on: socket.socket | None = None) -> None:
        """Listen; port 0 picks a free one. Raises OSError if the port is taken or the host is not ours.

        `on` is a socket from `listen`; clients that connected to it in the meantime are accepted now.
        """
        listening = on or listen(host, port)
        self._address = Address(host, listening.getsockname()[1], self._keys.id)
        loop = asyncio.get_running_loop()
        self._listening = await loop.create_server(self._arrive, sock=listening, backlog=_AT_ONCE)
        # asyncio uses one number both for the backlog and for how many to accept at a time.
        listening.listen(_BACKLOG)

    async def close(self) -> None:
        """Stop listening, and say goodbye to every peer."""
        if self._listening is not None:
            self._listening.close()
        async with asyncio.TaskGroup() as closing:
            for connection in tuple(self._connections):
                closing.create_task(connection.close())

    # What connections call.

    def made(self, connection: Connection) -> None:
        """A client has connected, and has not shaken hands. It may be turned away."""
        self._unfinished.setdefault(connection.host, {})[connection] = None
        self._shaking += 1
        if self._shaking > self._room.handshakes:
            most = max(self._unfinished.values(), key=len)
            self._turn_away(next(iter(most)), "handshakes", "too many others are waiting to shake hands")
        host = self._room.host_of(connection.host)
        if host is None:
            return
        self._hosts[host] = self._hosts.get(host, 0) + 1
        if self._hosts[host] > self._room.from_one_host:
            self._turn_away(connection, "one host", "too many connections come from one address")

    def met(self, connection: Connection, peer: Peer) -> None:
        """A client has shaken hands."""
        self._has_finished(connection)
        if self._meet is not None:
            self._meet(peer)

    def gave_up(self) -> None:
        """A client was disconnected because it did not read what was written to it."""
        self._refuse("untaken")

    def gone(self, connection: Connection) -> None:
        """A connection is over."""
        self._connections.discard(connection)
        self._has_finished(connection)
        host = self._room.host_of(connection.host)
        if host is not None and host in self._hosts:
            self._hosts[host] -= 1
            if not self._hosts[host]:
                del self._hosts[host]

    # Internals.

    def _arrive(self) -> asyncio.BaseProtocol:
        if len(self._connections) >= self._room.connections:
            self._refuse("connections")
            return _Full()
        connection = Connection(
            handshake.server(self._keys, self._network, self._welcome),
            self._offer,
            deadline=self._deadline,
            keeper=self,
            traffic=self._traffic,
            untaken=self._room.untaken,
        )
        self._connections.add(connection)
        return connection

    def _has_finished(self, connection: Connection) -> None:
        """Stop counting a handshake, however it ended."""
        of_its_host = self._unfinished.get(connection.host, {})
        if connection in of_its_host:
            del of_its_host[connection]
            self._shaking -= 1
            if not of_its_host:
                del self._unfinished[connection.host]

    def _turn_away(self, connection: Connection, bound: str, why: str) -> None:
        self._has_finished(connection)
        self._refuse(bound)
        connection.fail(HandshakeFailed(why))


@asynccontextmanager
async def serve(
    host: str,
    port: int,
    keys: KeyPair,
    handlers: Offer = None,
    *,
    network: bytes = handshake.MAIN_NETWORK,
    welcome: Callable[[str], bool] | None = None,
    handshake_timeout: float = HANDSHAKE_TIMEOUT,
    room: ServerLimits | None = None,
) -> AsyncIterator[Server]:
    """Listen for peers for the length of a block. Port 0 picks a free one; see the server's `address`.

    `welcome` takes a feed id, and may turn the peer away. Raises OSError if the port is taken or the host is
    not ours.
    """
    server = Server(
        keys, handlers, network=network, welcome=welcome, handshake_timeout=handshake_timeout, room=room
    )
    await server.start(host, port)
    try:
        yield server
    finally:
        await server.close()


def _chooser(offer: Offer) -> Callable[[Peer], Api]:
    if callable(offer):
        return offer
    api = offer if isinstance(offer, Api) else Api(offer)
    return lambda _peer: api


class _Full(asyncio.Protocol):
    """Turns away a connection for which there is no room."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.close()
