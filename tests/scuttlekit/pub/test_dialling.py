"""The scheduler: whom it dials, when, and whom it leaves alone."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scuttlekit import Address, KeyPair, Server, Unreachable, dial
from scuttlekit.connection import Traffic
from scuttlekit.pub.connections import Connections, Link
from scuttlekit.pub.dialling import FORGOTTEN_AFTER, TURN, Dialler
from scuttlekit.pub.gossip import FIRST_WAIT, LONGEST_WAIT, Gossip, KnownAddress
from scuttlekit.serving import NOTHING
from tests.scuttlekit.peers import eventually

PUB = KeyPair(b"p" * 32)


class Pub:
    """A scheduler with `places`, and the connections that it makes."""

    def __init__(self, folder, places: int = 2, fenced: bool = False) -> None:
        self.gossip = Gossip(folder, 100)
        self.blocked: set[str] = set()

        async def nothing(_link: Link) -> None:
            return

        self.connections = Connections(
            PUB.id,
            [],
            is_guest=lambda _: False,
            is_awaited=lambda _: False,
            guests_of=lambda _: (),
            is_blocked=lambda feed: feed in self.blocked,
            is_known=lambda _: True,
            strangers=10,
            is_saving=lambda: False,
            follows=lambda _: False,
            refuse=lambda _: None,
            begin=nothing,
        )
        self.dialler = Dialler(
            PUB,
            self.gossip,
            self.connections,
            places=places,
            fenced=fenced,
            network=b"n" * 32,
            offer=lambda _: NOTHING,
            traffic=Traffic(),
            is_shut_out=self.blocked.__contains__,
        )
        self.task: asyncio.Task[None] | None = None

    def knows(self, address: Address, source: str = "manual") -> KnownAddress:
        return self.gossip.add(KnownAddress(address, address.multiserver, source))

    def begins(self) -> None:
        self.task = asyncio.create_task(self.dialler.run())

    @property
    def connected(self) -> set[str]:
        return {link.peer.id for link in self.connections}

    async def ends(self) -> None:
        if self.task:
            self.task.cancel()
            with suppress(asyncio.CancelledError):
                await self.task
        self.dialler.stop()
        await self.connections.close()


@pytest.fixture
async def pub(tmp_path) -> AsyncIterator[Pub]:
    pub = Pub(tmp_path)
    yield pub
    await pub.ends()


@pytest.fixture
async def peer() -> AsyncIterator[Callable[[], Awaitable[Server]]]:
    async with AsyncExitStack() as stack:

        async def make() -> Server:
            server = Server(KeyPair.generate(), network=b"n" * 32)
            await server.start("127.0.0.1", 0)
            stack.push_async_callback(server.close)
            return server

        yield make


async def test_it_keeps_as_many_connections_as_it_has_places(pub, peer):
    servers = [await peer() for _ in range(4)]
    for server in servers:
        pub.knows(server.address)
    pub.begins()
    await eventually(lambda: len(pub.connected) == 2)
    await asyncio.sleep(0.2)
    assert len(pub.connected) == 2


async def test_a_free_place_is_taken_by_another(pub, peer):
    servers = [await peer() for _ in range(3)]
    for server in servers:
        pub.knows(server.address)
    pub.begins()
    await eventually(lambda: len(pub.connected) == 2)
    gone = next(server for server in servers if server.address.key in pub.connected)
    left = next(server for server in servers if server.address.key not in pub.connected)
    await gone.close()
    await eventually(lambda: left.address.key in pub.connected)
    assert gone.address.key not in pub.connected


async def test_a_peer_dialled_on_request_takes_no_place(pub, peer):
    servers = [await peer() for _ in range(3)]
    for server in servers:
        await pub.dialler.connect(pub.knows(server.address))
    assert len(pub.connected) == 3
    other = await peer()
    pub.knows(other.address)
    pub.begins()
    await eventually(lambda: other.address.key in pub.connected)


async def test_nobody_is_dialled_twice(pub, peer):
    server = await peer()
    known = pub.knows(server.address)
    first, second = await asyncio.gather(pub.dialler.connect(known), pub.dialler.connect(known))
    assert first is second
    assert await pub.dialler.connect(known) is first
    assert len(server.peers) == 1


async def test_it_dials_neither_itself_nor_blocked_peers_nor_unknown_protocols(pub, peer):
    itself, enemy = Server(PUB, network=b"n" * 32), await peer()
    await itself.start("127.0.0.1", 0)
    pub.blocked.add(enemy.address.key)
    pub.knows(itself.address)
    pub.knows(enemy.address)
    pub.knows(Address("x.onion", 8008, KeyPair.generate().id, "onion"))
    pub.begins()
    await asyncio.sleep(0.3)
    assert not pub.connected
    assert not itself.peers
    assert all(known.failures == 0 for known in pub.gossip)
    await itself.close()


async def test_a_peer_that_does_not_answer_is_recorded_and_finally_forgotten(pub, peer):
    server = await peer()
    known = pub.knows(server.address)
    await server.close()
    with pytest.raises(Unreachable):
        await pub.dialler.connect(known)
    assert known.failures == 1
    known.failures = FORGOTTEN_AFTER - 1
    with pytest.raises(Unreachable):
        await pub.dialler.connect(known)
    assert pub.gossip.get(known.key) is None


@given(failures=st.integers(0, 100), ago=st.floats(0, 2 * LONGEST_WAIT))
def test_it_waits_twice_as_long_each_time_and_a_day_at_most(failures, ago):
    known = KnownAddress(Address("10.0.0.1", 1, KeyPair(b"k" * 32).id), "", "pub", failures=failures)
    now = time.time()
    known.changed = (now - ago) * 1000
    wait = min(FIRST_WAIT * 2 ** min(failures, 40), LONGEST_WAIT)
    assert known.is_due(now * 1000) is (ago >= wait)


def test_setting_the_clock_back_delays_nobody():
    known = KnownAddress(Address("10.0.0.1", 1, KeyPair(b"k" * 32).id), "", "pub")
    known.changed = (time.time() + 1e6) * 1000
    assert known.is_due(time.time() * 1000)


async def test_the_oldest_makes_room_after_a_while_if_others_wait(pub, peer):
    servers = [await peer() for _ in range(3)]
    for server in servers:
        pub.knows(server.address)
    pub.begins()
    await eventually(lambda: len(pub.connected) == 2)
    oldest, _ = pub.connections
    oldest.since -= TURN + 1
    pub.dialler.hurry()
    await eventually(lambda: oldest.peer.id not in pub.connected and len(pub.connected) == 2)


async def test_the_oldest_stays_if_nobody_waits(pub, peer):
    servers = [await peer() for _ in range(2)]
    for server in servers:
        pub.knows(server.address)
    pub.begins()
    await eventually(lambda: len(pub.connected) == 2)
    for link in pub.connections:
        link.since -= TURN + 1
    pub.dialler.hurry()
    await asyncio.sleep(0.2)
    assert len(pub.connected) == 2


async def test_a_peer_that_dialled_in_stays_whatever_is_known_about_it(pub, peer):
    friend = await peer()
    pub.knows(friend.address)
    server = Server(PUB, network=b"n" * 32, meet=pub.connections.came_in)
    await server.start("127.0.0.1", 0)

    came = await dial(server.address, friend._keys, network=b"n" * 32)
    await eventually(lambda: pub.connected)
    for link in pub.connections:
        link.since -= 2 * TURN
    pub.begins()
    await asyncio.sleep(0.3)
    assert came.is_open
    assert not friend.peers
    await came.close()
    await server.close()


async def test_a_fenced_pub_stays_outside(tmp_path, peer):
    pub = Pub(tmp_path, fenced=True)
    server = await peer()
    with pytest.raises(Unreachable, match="an address on the public internet"):
        await pub.dialler.connect(pub.knows(server.address))
    with pytest.raises(Unreachable, match="an address on the public internet"):
        await pub.dialler.connect(pub.knows(Address("localhost", 8008, KeyPair.generate().id)))
    assert not server.peers
    await pub.ends()


async def test_results_of_dialling_are_saved(pub, peer, tmp_path):
    server = await peer()
    pub.knows(server.address)
    pub.begins()
    await eventually(lambda: pub.connected)
    pub.dialler.stop()
    again = Gossip(tmp_path, 10)
    again.read()
    (entry,) = again
    assert entry.key == server.address.key
    assert entry.changed > 0
    assert entry.failures == 0
