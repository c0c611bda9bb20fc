"""Dialling peers and being dialled."""

# ruff: noqa: ASYNC109 - a deadline of ours ends in an error of ours, which says what did not answer

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
"""How many wait to be accepted; the system holds them."""
_AT_ONCE = 16
"""How many are accepted before it is heard what became of those before them: many may be gone already."""

Offer = Handlers | Api | Callable[[Peer], Api] | None
"""What is answered to a peer: handlers by name, or what chooses by who the peer is."""


async def dial(
    address: Address,
    keys: KeyPair,
    *,
    timeout: float = 5.0,
    network: bytes = handshake.MAIN_NETWORK,
    handlers: Offer = None,
    traffic: Traffic | None = None,
) -> Peer:
    """Connect to a peer that must prove to be `address.key`; whoever calls this closes the peer.

    `timeout` is in seconds, for name look-up, TCP and handshake together. `handlers` answer what the peer calls.
    Raises Unreachable or HandshakeFailed.
    """
    if address.transport != "net":
        raise Unreachable(f"we do not speak {address.transport}")
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
        # A name that no DNS can hold is a ValueError.
        if isinstance(error, ScuttlebuttError):
            raise
        raise Unreachable(f"{address.host}:{address.port} can not be reached: {error}") from error
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
    """Connect to a peer for the length of a block, as `dial` does, and say goodbye at its end."""
    peer = await dial(address, keys, timeout=timeout, network=network, handlers=handlers)
    try:
        yield peer
    finally:
        await peer.close()


def listen(host: str, port: int) -> socket.socket:
    """Take a port: who connects waits until a `Server` starts on it. `::` takes IPv4 too. Raises OSError."""
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
    """What counts as one host: an IPv4 address, or the whole /64 of an IPv6 one.

    None where there is no bound: of a private network, everybody may come from one address.
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
    """How much room a server has.

    `connections` and `from_one_host` bound what there may be at once: what comes above is closed as it comes. `host_of`
    says which connections count together. `handshakes` bounds the unfinished: the oldest of the address with most of them
    makes room, for an honest one takes no time. `untaken` is how many seconds a peer may take nothing of what waits for it.
    """

    connections: int = MAX_CONNECTIONS
    from_one_host: int = MAX_CONNECTIONS
    handshakes: int = MAX_CONNECTIONS
    untaken: float = MOST_UNTAKEN
    host_of: Callable[[str], str | None] = host_of


class Server:
    """A listening server. `start` it, and `close` it; `serve` does both for the length of a block.

    `offer` says what is answered to a peer, `welcome`, given a feed id, may turn it away, and `meet` hears of each peer
    that came in. `refuse` hears of each connection that was turned away, and for which of the bounds of `room`.
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
        # By address, then in the order in which they came.
        self._unfinished: dict[str, dict[Connection, None]] = {}
        self._shaking = 0
        self._hosts: dict[str, int] = {}
        self._listening: asyncio.Server | None = None
        self._address: Address | None = None

    @property
    def address(self) -> Address:
        if self._address is None:
            raise RuntimeError("the server has no address before it has started")
        return self._address

    @property
    def peers(self) -> list[Peer]:
        return [connection.ready.result() for connection in self._connections if connection.is_open]

    async def start(self, host: str, port: int, *, on: socket.socket | None = None) -> None:
        """Listen; port 0 takes a free one. Raises OSError when the port is taken or the host is not ours.

        `on` is a socket that `listen` gave; whoever came to it meanwhile is let in now.
        """
        listening = on or listen(host, port)
        self._address = Address(host, listening.getsockname()[1], self._keys.id)
        loop = asyncio.get_running_loop()
        self._listening = await loop.create_server(self._arrive, sock=listening, backlog=_AT_ONCE)
        # To asyncio both are one number.
        listening.listen(_BACKLOG)

    async def close(self) -> None:
        """Listen no more, and say goodbye to every peer."""
        if self._listening is not None:
            self._listening.close()
        async with asyncio.TaskGroup() as closing:
            for connection in tuple(self._connections):
                closing.create_task(connection.close())

    # What connections call.

    def made(self, connection: Connection) -> None:
        self._unfinished.setdefault(connection.host, {})[connection] = None
        self._shaking += 1
        if self._shaking > self._room.handshakes:
            most = max(self._unfinished.values(), key=len)
            self._turn_away(next(iter(most)), "handshakes", "others wait for room to shake hands")
        host = self._room.host_of(connection.host)
        if host is None:
            return
        self._hosts[host] = self._hosts.get(host, 0) + 1
        if self._hosts[host] > self._room.from_one_host:
            self._turn_away(connection, "one host", "too many connections come from one address")

    def met(self, connection: Connection, peer: Peer) -> None:
        self._has_finished(connection)
        if self._meet is not None:
            self._meet(peer)

    def gave_up(self) -> None:
        self._refuse("untaken")

    def gone(self, connection: Connection) -> None:
        self._connections.discard(connection)
        self._has_finished(connection)
        host = self._room.host_of(connection.host)
        if host is not None and host in self._hosts:
            self._hosts[host] -= 1
            if not self._hosts[host]:
                del self._hosts[host]

    # What happens inside.

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
        """Count a handshake no more, however it ended."""
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
    """Listen for peers for the length of a block; port 0 takes a free one, which the server's `address` tells.

    `welcome`, given a feed id, may turn a peer away. Raises OSError when the port is taken or the host is not ours.
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
