"""Who may call what of a server, how many it accepts, and what is left of peers that are gone."""

import asyncio
import gc
import socket
from contextlib import suppress

import pytest

from scuttlekit import Address, HandshakeFailed, KeyPair, RemoteError, Server, connect, dial, serve
from scuttlekit.connection import Connection, Traffic
from scuttlekit.network import ServerLimits, host_of, listen
from scuttlekit.serving import Api
from tests.scuttlekit.peers import eventually


async def whoami(peer):
    return {"id": peer.id}


async def secrets(_peer):
    return "all of them"


HANDLERS = {"whoami": whoami, "secrets": secrets}


async def test_answers_depend_on_the_caller(pub, alice, bob):
    everything, little = Api(HANDLERS), Api(HANDLERS, allowed={"whoami"})
    async with serve(
        "127.0.0.1", 0, pub, lambda peer: everything if peer.id == alice.id else little
    ) as server:
        async with connect(server.address, alice) as peer:
            assert await peer.call("secrets") == "all of them"
        async with connect(server.address, bob) as peer:
            assert await peer.call("whoami") == {"id": bob.id}
            for name in ("secrets", "manifest", "butt.revoke"):
                with pytest.raises(RemoteError, match="is not in list of allowed methods"):
                    await peer.call(name)


async def test_a_dialled_peer_gets_its_own_calls_too(pub, alice):
    asked = []

    def offer(peer):
        asked.append(peer.id)
        return Api(HANDLERS)

    async with serve("127.0.0.1", 0, pub) as server, connect(server.address, alice, handlers=offer):
        assert asked == [pub.id]


async def test_an_error_in_a_handler_is_reported_to_us_and_not_to_the_peer(pub, alice):
    async def breaks(_peer):
        raise KeyError("the password is 1234")

    faults = []
    async with (
        serve("127.0.0.1", 0, pub, Api({"breaks": breaks}, on_fault=faults.append)) as server,
        connect(server.address, alice) as peer,
    ):
        with pytest.raises(RemoteError, match=r"^the call failed$"):
            await peer.call("breaks")
    assert [type(fault) for fault in faults] == [KeyError]


async def test_bytes_of_open_and_closed_connections_are_counted(pub, alice):
    here, there = Traffic(), Traffic()
    server = Server(pub, HANDLERS, traffic=here)
    await server.start("127.0.0.1", 0)
    peer = await dial(server.address, alice, traffic=there)
    await peer.call("whoami")
    assert here.received > 200
    assert here.sent > 200
    await peer.close()
    await eventually(lambda: (here.received, here.sent) == (there.sent, there.received))
    await server.close()


async def test_a_port_can_be_taken_before_anybody_is_let_in(pub, alice):
    taken = listen("127.0.0.1", 0)
    port = taken.getsockname()[1]
    with pytest.raises(OSError):
        listen("127.0.0.1", port)
    address = Address("127.0.0.1", port, pub.id)
    with pytest.raises(HandshakeFailed, match="no answer"):
        await dial(address, alice, timeout=0.2)
    server = Server(pub, HANDLERS)
    await server.start("127.0.0.1", port, on=taken)
    async with connect(address, alice) as peer:
        assert await peer.call("whoami")
    await server.close()


async def test_the_oldest_unfinished_handshake_makes_room(pub, alice):
    refused = []
    server = Server(pub, HANDLERS, room=ServerLimits(handshakes=2), refuse=refused.append)
    await server.start("127.0.0.1", 0)
    lines = [await asyncio.open_connection("127.0.0.1", server.address.port) for _ in range(4)]
    await eventually(lambda: refused == ["handshakes"] * 2)
    async with connect(server.address, alice) as peer:
        assert await peer.call("whoami")
    for reader, _ in lines[:2]:
        with suppress(ConnectionResetError):
            assert await reader.read() == b""
    for _, writer in lines:
        writer.close()
    await server.close()


async def test_connections_closed_before_they_are_accepted_take_no_room(pub, alice):
    """However many wait when it starts accepting."""
    refused = []
    waiting = listen("127.0.0.1", 0)
    address = Address("127.0.0.1", waiting.getsockname()[1], pub.id)
    guest = asyncio.create_task(dial(address, alice))
    await asyncio.sleep(0)
    for _ in range(400):
        with socket.create_connection((address.host, address.port)) as line:
            line.sendall(b"never mind")
    server = Server(pub, HANDLERS, room=ServerLimits(handshakes=200), refuse=refused.append)
    await server.start("127.0.0.1", address.port, on=waiting)
    peer = await guest
    assert await peer.call("whoami")
    await peer.close()
    await eventually(lambda: not server._unfinished)
    assert refused == []
    await server.close()


async def test_a_flood_from_one_address_costs_no_other_its_handshake(pub):
    server = Server(pub, HANDLERS, room=ServerLimits(handshakes=5))
    await server.start("127.0.0.1", 0)
    port = server.address.port
    first, writer = await asyncio.open_connection("127.0.0.1", port)
    flood = [await asyncio.open_connection("127.0.0.1", port, local_addr=("127.0.0.2", 0)) for _ in range(20)]
    await eventually(lambda: len(server._unfinished["127.0.0.2"]) == 4)
    assert len(server._unfinished["127.0.0.1"]) == 1
    assert not first.at_eof()
    for _, one in [*flood, (first, writer)]:
        one.close()
    await eventually(lambda: not server._unfinished)
    await server.close()


async def pour(_peer):
    while True:
        yield bytes(32 << 10)


async def test_a_peer_that_reads_nothing_is_disconnected_and_a_slow_one_is_not(pub, alice, bob):
    refused = []
    server = Server(pub, {"pour": pour}, room=ServerLimits(untaken=0.3), refuse=refused.append)
    await server.start("127.0.0.1", 0)
    deaf, slow = await dial(server.address, alice), await dial(server.address, bob)
    streams = [peer.listen("pour") for peer in (deaf, slow)]
    deaf._connection._transport.pause_reading()
    slow._connection._transport.pause_reading()
    async with asyncio.timeout(10):
        while refused != ["untaken"]:
            slow._connection._transport.resume_reading()
            await asyncio.wait_for(streams[1].take(), 5)
            slow._connection._transport.pause_reading()
            await asyncio.sleep(0.05)
    assert [peer.id for peer in server.peers] == [bob.id]
    for peer in (deaf, slow):
        peer._connection._transport.abort()
    await server.close()


@pytest.mark.parametrize(
    ("host", "place"),
    [
        ("127.0.0.1", None),
        ("172.17.0.1", None),
        ("fe80::1%eth0", None),
        ("", None),
        ("1.2.3.4", "1.2.3.4"),
        ("::ffff:1.2.3.4", "1.2.3.4"),
        ("2600:db8:1:2:3::4", "2600:0db8:0001:0002"),
        ("2600:db8:1:2::5", "2600:0db8:0001:0002"),
    ],
)
def test_hosts_of_one_network_count_together_and_private_ones_not_at_all(host, place):
    assert host_of(host) == place


async def test_the_connections_of_one_host_are_limited(pub, alice):
    refused = []
    server = Server(pub, HANDLERS, room=ServerLimits(from_one_host=2, host_of=str), refuse=refused.append)
    await server.start("127.0.0.1", 0)
    first, second = await dial(server.address, alice), await dial(server.address, alice)
    with pytest.raises(HandshakeFailed):
        await dial(server.address, alice)
    assert refused == ["one host"]
    await first.close()
    await eventually(lambda: len(server.peers) == 1)
    async with connect(server.address, alice) as peer:
        assert await peer.call("whoami")
    await second.close()
    await server.close()


def _connections() -> list[Connection]:
    # `isinstance` asks an object for its class, and objects of other tests may be too lazy to say.
    return [thing for thing in gc.get_objects() if type(thing) is Connection]


async def test_nothing_is_left_of_closed_connections(pub):
    gc.collect()
    others = set(map(id, _connections()))
    server = Server(pub, HANDLERS)
    await server.start("127.0.0.1", 0)
    for _ in range(20):
        async with connect(server.address, KeyPair.generate()) as peer:
            await peer.call("whoami")
    del peer
    reader, writer = await asyncio.open_connection("127.0.0.1", server.address.port)
    writer.close()
    del reader, writer
    await eventually(lambda: not server._connections)
    gc.collect()
    assert [thing for thing in _connections() if id(thing) not in others] == []
    assert not server._unfinished
    assert not server._hosts
    await server.close()
