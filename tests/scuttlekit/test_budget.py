"""What all connections of a process hold together is bounded, and the connection that holds most ends
first.
"""

import asyncio
import struct
from contextlib import AsyncExitStack, suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scuttlekit import ConnectionLost, KeyPair, ScuttlebuttError, connect, serve
from scuttlekit.budget import SHARED, Budget
from scuttlekit.frames import encode
from scuttlekit.muxrpc import CALL_COST, Session
from scuttlekit.serving import Api, Serving
from tests.scuttlekit.peers import Wire, eventually, few


class Holder:
    def __init__(self, room: Budget) -> None:
        self.room = room
        self.size = 0
        self.gave_up = False

    def hold(self, size: int) -> None:
        self.size = size
        self.room.hold(self, size)

    def give_up(self, error: ScuttlebuttError) -> None:
        self.gave_up, self.size = True, 0
        self.room.hold(self, 0)


@few
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 60)), max_size=30))
def test_all_connections_together_stay_within_the_bound(changes):
    room = Budget(most=100)
    holders = [Holder(room) for _ in range(5)]
    for number, size in changes:
        sizes = [holder.size for holder in holders]
        sizes[number] = size
        holders[number].hold(size)
        assert room.total == sum(holder.size for holder in holders) <= 100
        if sum(sizes) > 100:
            greatest = [one for one, size in zip(holders, sizes, strict=True) if size == max(sizes)]
            assert any(one.gave_up for one in greatest)
    for holder in holders:
        holder.hold(0)
    assert room.total == 0


def unfinished(size: int) -> bytes:
    """A frame that lacks its last byte."""
    return struct.pack(">BIi", 2, size + 1, 1) + bytes(size)


async def test_frames_that_never_end_are_bounded_over_all_connections():
    room, refused = Budget(most=1_000_000), []
    room.refuse = lambda: refused.append(room.total)
    wires = [Wire() for _ in range(20)]
    for number, wire in enumerate(wires):
        wire.session = Session(wire, Serving(Api()), room)
        wire.session.receive(unfinished(90_000 + number * 1000))
    assert room.total <= 1_000_000
    let_go = [wire for wire in wires if wire.error is not None]
    assert len(let_go) == len(refused)
    assert 5 < len(let_go) < 15
    # The small ones, which came first, were left alone.
    assert not any(wire.error for wire in wires[:5])
    for wire in wires:
        wire.session.end(ConnectionLost("over"))
    assert room.total == 0


async def test_unread_bytes_count_until_they_are_read():
    async def pour(_peer):
        while True:
            yield bytes(32 << 10)

    before = SHARED.total
    async with serve("127.0.0.1", 0, KeyPair.generate(), {"pour": pour}) as server:
        async with AsyncExitStack() as stack:
            for _ in range(3):
                peer = await stack.enter_async_context(connect(server.address, KeyPair.generate()))
                peer._connection._transport.pause_reading()
                for _ in range(10):
                    peer._connection.session.open("source", "pour", [])
            await eventually(lambda: SHARED.total - before > 3 * (64 << 10), within=8)
            held = 0
            while held != SHARED.total:
                held = SHARED.total
                await asyncio.sleep(0.1)
            # Ten streams to one peer wait their turn: together they write no more than one would.
            assert held - before < 3 * (160 << 10) + 2 * 3 * 10 * CALL_COST
        await eventually(lambda: not server.peers)
    assert SHARED.total == before


async def test_streams_to_one_peer_take_turns():
    sent = [0] * 5

    async def pour(_peer, number):
        while True:
            sent[number] += 1
            yield bytes(32 << 10)

    async def read_some(source, count):
        for _ in range(count):
            await anext(source)

    async with (
        asyncio.timeout(20),
        serve("127.0.0.1", 0, KeyPair.generate(), {"pour": pour}) as server,
        connect(server.address, KeyPair.generate()) as peer,
    ):
        sources = [peer.source("pour", number) for number in range(5)]
        await asyncio.gather(*(read_some(source, 300) for source in sources))
        assert max(sent) - min(sent) < 150, sent
        for source in sources:
            with suppress(ScuttlebuttError):
                await source.aclose()


@pytest.mark.parametrize("kind", ["async", "source"])
async def test_calls_in_progress_count(kind):
    started = asyncio.Event()

    async def never(_peer):
        started.set()
        await asyncio.Event().wait()

    room = Budget()
    wire = Wire()
    wire.session = session = Session(wire, Serving(Api({"never": never})), room)
    for number in range(1, 9):
        session.receive(
            encode(number, {"name": ["never"], "args": [], "type": kind}, stream=kind == "source")
        )
    assert room.total >= 8 * CALL_COST
    session.end(ConnectionLost("over"))
    assert room.total == 0


async def test_streams_that_we_opened_do_not_count_but_those_that_the_peer_opened_do():
    """Somebody who watches ten thousand pubs has many of their own, and none of them is the pubs' doing."""
    room = Budget(most=20 * CALL_COST)
    wires = [Wire() for _ in range(100)]
    for wire in wires:
        wire.session = Session(wire, Serving(Api()), room)
        for name in ("figures", "guests", "signOuts"):
            wire.session.open("source", name, [])
    assert not any(wire.error for wire in wires)
    assert room.total == 0
    session, unknown = wires[0].session, encode(-50, "an answer to nothing")
    for number in range(1, 9):
        session.accept(number, two_way=False)
    session.receive(unknown)
    assert room.total == 8 * CALL_COST
    for number in range(1, 9):
        session.receive(encode(number, True, stream=True, end=True))
    assert room.total == 0
