"""Who may connect, and how many connections one identity may have."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from scuttlekit import HandshakeFailed, KeyPair, Server, connect, dial
from scuttlekit.pub.connections import CROSSING, Connections, Link, PeerRole
from tests.scuttlekit.peers import eventually

PUB, MASTER, GUEST, FRIEND, ENEMY = (KeyPair(letter * 32) for letter in (b"p", b"m", b"g", b"f", b"e"))


class Door:
    """A server whose peers are accepted; `begun` and `ended` record the work for each."""

    def __init__(self, keys: KeyPair = PUB, strangers: int = 2) -> None:
        self.refused: list[str] = []
        self.is_saving = False
        self.begun: list[Link] = []
        self.ended: list[Link] = []
        self.connections = Connections(
            keys.id,
            [MASTER.id],
            is_guest=lambda feed: feed == GUEST.id,
            is_awaited=lambda feed: feed == GUEST.id,
            guests_of=lambda _: (),
            is_blocked=lambda feed: feed == ENEMY.id,
            is_known=lambda feed: feed == FRIEND.id,
            strangers=strangers,
            is_saving=lambda: self.is_saving,
            follows=lambda feed: feed == FRIEND.id,
            refuse=self.refused.append,
            begin=self._begin,
        )
        self.server = Server(keys, welcome=self.connections.welcome, meet=self.connections.came_in)

    async def _begin(self, link: Link) -> None:
        self.begun.append(link)
        try:
            await asyncio.Event().wait()
        finally:
            self.ended.append(link)


@asynccontextmanager
async def opened(door: Door) -> AsyncIterator[Door]:
    await door.server.start("127.0.0.1", 0)
    try:
        yield door
    finally:
        await door.server.close()


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    async with opened(Door()) as door:
        yield door


async def test_a_blocked_peer_is_turned_away_at_the_handshake(door):
    with pytest.raises(HandshakeFailed):
        await dial(door.server.address, ENEMY)
    assert door.refused == ["blocked"]


async def test_strangers_leave_room_for_others(door):
    for _ in range(2):
        await dial(door.server.address, KeyPair.generate())
    with pytest.raises(HandshakeFailed):
        await dial(door.server.address, KeyPair.generate())
    assert door.refused == ["strangers"]
    for keys in (FRIEND, GUEST, MASTER, PUB):
        assert (await dial(door.server.address, keys)).is_open


async def test_a_stranger_who_leaves_makes_room_for_another(door):
    first = await dial(door.server.address, KeyPair.generate())
    await dial(door.server.address, KeyPair.generate())
    await first.close()
    await eventually(lambda: len(list(door.connections)) == 1)
    assert (await dial(door.server.address, KeyPair.generate())).is_open


async def test_a_newer_connection_takes_the_place_of_the_older(door):
    older = await dial(door.server.address, FRIEND)
    newer = await dial(door.server.address, FRIEND)
    await eventually(lambda: not older.is_open)
    await eventually(lambda: len(door.connections.of(FRIEND.id)) == 1)
    assert newer.is_open
    assert door.connections.peers == {"in": 1, "out": 0}


@pytest.mark.parametrize("keys", [MASTER, GUEST, PUB], ids=["master", "guest", "own"])
async def test_masters_and_guests_may_have_several(door, keys):
    peers = [await dial(door.server.address, keys) for _ in range(3)]
    await eventually(lambda: len(door.connections.of(keys.id)) == 3)
    await asyncio.sleep(0.05)
    assert all(peer.is_open for peer in peers)


async def test_masters_and_sessions_of_guests_do_not_count_as_peers(door):
    for keys in (MASTER, GUEST, FRIEND):
        await dial(door.server.address, keys)
    await eventually(lambda: door.connections.peers == {"in": 1, "out": 0})


async def test_work_for_a_peer_ends_with_its_connection(door):
    async with connect(door.server.address, FRIEND):
        await eventually(lambda: len(door.begun) == 1)
        assert door.begun[0].role is PeerRole.PEER
        assert not door.ended
    await eventually(lambda: door.ended == door.begun)
    assert list(door.connections) == []
    assert door.connections.peers == {"in": 0, "out": 0}


async def test_a_peer_can_be_disconnected(door):
    peer = await dial(door.server.address, FRIEND)
    await eventually(lambda: door.connections.of(FRIEND.id))
    door.connections.hang_up(FRIEND.id)
    await eventually(lambda: not peer.is_open)


async def test_two_that_dial_each_other_at_once_keep_the_same_connection():
    one, two = sorted((KeyPair(b"1" * 32), KeyPair(b"2" * 32)), key=lambda keys: keys.id)
    async with opened(Door(one, 9)) as here, opened(Door(two, 9)) as there:

        async def dials(door: Door, keys: KeyPair, other: Door) -> None:
            door.connections.take_up(await dial(other.server.address, keys), dialled=True)

        await asyncio.gather(dials(here, one, there), dials(there, two, here))
        await eventually(lambda: here.connections.peers == {"in": 0, "out": 1})
        await eventually(lambda: there.connections.peers == {"in": 1, "out": 0})
        await asyncio.sleep(0.1)
        assert here.connections.peers == {"in": 0, "out": 1}


async def test_a_peer_that_comes_back_later_does_not_count_as_crossing():
    """A restarted pub dials the peers it knew; that it was dialled itself long ago no longer counts."""
    one, two = sorted((KeyPair(b"1" * 32), KeyPair(b"2" * 32)), key=lambda keys: keys.id)
    async with opened(Door(one, 9)) as here, opened(Door(two, 9)) as there:
        here.connections.take_up(await dial(there.server.address, one), dialled=True)
        (link,) = here.connections
        link.since -= CROSSING + 1
        again = await dial(here.server.address, two)
        await eventually(lambda: here.connections.peers == {"in": 1, "out": 0})
        assert again.is_open
