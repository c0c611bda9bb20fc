"""The pub as a room: what a block ends, and what it costs when many send and nobody reads."""

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import psutil
import pytest

from scuttlekit import Address, HandshakeFailed, KeyPair, RemoteError, ScuttlebuttError, connect
from scuttlekit.serving import StreamHandler
from tests.pub.pubs import Pub
from tests.pub.test_rights import MASTER, NETWORK, STRANGER, dialled
from tests.scuttlekit.peers import eventually

ALICE, BOB = KeyPair(b"a" * 32), KeyPair(b"b" * 32)
MOST_MEMORY = 128 << 20


@pytest.fixture
def pub(make_pub) -> Pub:
    return make_pub(master=[MASTER.id]).start()


@asynccontextmanager
async def attends(pub: Pub, keys: KeyPair, answers=None):
    """Somebody in the room, and what they do with a tunnel to them."""
    handlers = {"tunnel.connect": StreamHandler(answers, two_way=True)} if answers else None
    address = Address("127.0.0.1", pub.config["port"], pub.id)
    async with connect(address, keys, network=NETWORK, handlers=handlers) as peer:
        assert await peer.call("tunnel.announce") is True
        yield peer


def tunnel(pub: Pub, peer, target: KeyPair):
    return peer.duplex("tunnel.connect", {"portal": pub.id, "target": target.id})


async def echoes(_peer, stream, *_):
    async for value in stream:
        await stream.send(value)


async def reads_nothing(_peer, stream, *_):
    await stream.send(b"hello")
    await asyncio.Event().wait()


async def figures(master):
    (seen,) = await master.collect("butt.figures", {}, limit=1)
    return seen


async def test_a_block_ends_access_to_the_room_until_it_is_removed(pub):
    async with AsyncExitStack() as stack:
        master = await stack.enter_async_context(dialled(pub, MASTER))
        for keys in (ALICE, BOB):
            await master.call("friends.follow", keys.id, {})
        alice = await stack.enter_async_context(attends(pub, ALICE, echoes))
        bob = await stack.enter_async_context(attends(pub, BOB, echoes))
        there, back = tunnel(pub, alice, BOB), tunnel(pub, bob, ALICE)
        for each in (there, back):
            await each.send(b"hello")
            assert await anext(each) == b"hello"

        await master.call("friends.block", BOB.id, {})
        await eventually(lambda: not bob.is_open)
        with suppress(ScuttlebuttError, StopAsyncIteration):
            await asyncio.wait_for(anext(there), 10)
        assert (await figures(master))["tunnels"] == 0
        with pytest.raises(HandshakeFailed):
            async with dialled(pub, BOB):
                pass
        # A friend cannot fetch them either.
        with pytest.raises(RemoteError, match="not in this room"):
            await anext(tunnel(pub, alice, BOB))
        (state,) = await alice.collect("room.attendants", limit=1)
        assert state["ids"] == [ALICE.id]

        await master.call("friends.block", BOB.id, {"state": False})
        await master.call("friends.follow", BOB.id, {})
        again = await stack.enter_async_context(attends(pub, BOB, echoes))
        for one, other in ((again, ALICE), (alice, BOB)):
            each = tunnel(pub, one, other)
            await each.send(b"hello")
            assert await anext(each) == b"hello"


async def test_floods_through_tunnels_to_silent_readers_cost_little(pub):
    members = [KeyPair(bytes([number]) * 32) for number in range(1, 13)]
    process = psutil.Process(pub.process.pid)
    async with AsyncExitStack() as stack:
        master = await stack.enter_async_context(dialled(pub, MASTER))
        for keys in members:
            await master.call("friends.follow", keys.id, {})
        peers = [await stack.enter_async_context(attends(pub, keys, reads_nothing)) for keys in members]
        sent = 0

        async def floods(stream):
            nonlocal sent
            with suppress(ScuttlebuttError):
                while True:
                    await stream.send(bytes(60_000))
                    sent += 1

        flooding = [
            asyncio.ensure_future(floods(tunnel(pub, peer, target)))
            for peer in peers
            for target in members
            if target.id != peer.id
        ]
        before = -1
        while before != sent:
            before = sent
            await asyncio.sleep(0.1)
        assert process.memory_info().rss < MOST_MEMORY
        async with dialled(pub, STRANGER) as stranger:
            await stranger.call("manifest")
        seen = await figures(master)
        assert seen["attendants"] == len(members)
        assert seen["refused"].keys() <= {"tunnelsOfOne", "held"}
        # All at once: the pub reads no goodbye of peers that it holds back.
        await asyncio.gather(*(peer.close() for peer in peers), *flooding)
