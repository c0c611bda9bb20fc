"""Dialling peers and being dialled."""

# ruff: noqa: ASYNC109 - a deadline of ours ends in an error of ours, which says what did not answer

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from scuttlekit import handshake
from scuttlekit.addresses import Address
from scuttlekit.connection import Connection
from scuttlekit.errors import HandshakeFailed, ScuttlebuttError, Unreachable
from scuttlekit.keys import KeyPair, decode_feed_id
from scuttlekit.peer import Peer
from scuttlekit.serving import Api, Handlers

HANDSHAKE_TIMEOUT = 5.0
MAX_CONNECTIONS = 1000


async def dial(
    address: Address,
    keys: KeyPair,
    *,
    timeout: float = 5.0,
    network: bytes = handshake.MAIN_NETWORK,
    handlers: Handlers | None = None,
) -> Peer:
    """Connect to a peer that must prove to be `address.key`; whoever calls this closes the peer.

    `timeout` is in seconds, for name look-up, TCP and handshake together. `handlers` answer what the peer calls.
    Raises Unreachable or HandshakeFailed.
    """
    if address.transport != "net":
        raise Unreachable(f"we do not speak {address.transport}")
    steps = handshake.client(keys, decode_feed_id(address.key), network)
    connection = Connection(steps, Api(handlers), deadline=timeout)
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
    handlers: Handlers | None = None,
) -> AsyncIterator[Peer]:
    """Connect to a peer for the length of a block, as `dial` does, and say goodbye at its end."""
    peer = await dial(address, keys, timeout=timeout, network=network, handlers=handlers)
    try:
        yield peer
    finally:
        await peer.close()


class Server:
    """A listening server: its `address`, and the `peers` connected to it now."""

    __slots__ = ("_connections", "address")

    def __init__(self, address: Address, connections: set[Connection]) -> None:
        self.address = address
        self._connections = connections

    @property
    def peers(self) -> list[Peer]:
        return [connection.ready.result() for connection in self._connections if connection.is_open]


@asynccontextmanager
async def serve(
    host: str,
    port: int,
    keys: KeyPair,
    handlers: Handlers | None = None,
    *,
    network: bytes = handshake.MAIN_NETWORK,
    welcome: Callable[[str], bool] | None = None,
    handshake_timeout: float = HANDSHAKE_TIMEOUT,
    max_connections: int = MAX_CONNECTIONS,
) -> AsyncIterator[Server]:
    """Listen for peers for the length of a block; port 0 takes a free one, which the server's `address` tells.

    `welcome`, given a feed id, may turn a peer away. A connection past `max_connections` is closed as it comes. Raises
    OSError when the port is taken or the host is not ours.
    """
    api = Api(handlers)
    connections: set[Connection] = set()

    def meet() -> asyncio.BaseProtocol:
        if len(connections) >= max_connections:
            return _Full()
        connection = Connection(
            handshake.server(keys, network, welcome),
            api,
            deadline=handshake_timeout,
            when_gone=connections.discard,
        )
        connections.add(connection)
        return connection

    listening = await asyncio.get_running_loop().create_server(meet, host, port)
    try:
        _, bound, *_ = listening.sockets[0].getsockname()
        yield Server(Address(host, bound, keys.id), connections)
    finally:
        listening.close()
        async with asyncio.TaskGroup() as closing:
            for connection in tuple(connections):
                closing.create_task(connection.close())
        with suppress(ScuttlebuttError):
            await listening.wait_closed()


class _Full(asyncio.Protocol):
    """Turns away a connection for which there is no room."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.close()
