"""Memory stays bounded when one side is slower than the other."""

import asyncio
from contextlib import aclosing

import pytest

from scuttlekit import ConsumerTooSlow, ProtocolError, StreamHandler
from scuttlekit.frames import encode
from scuttlekit.muxrpc import MAX_BACKLOG, MAX_QUEUED, PAUSE_ABOVE, Session
from scuttlekit.serving import Api, Serving
from scuttlekit.streams import MOST_AT_ONCE
from tests.scuttlekit.peers import Wire, connected, eventually

CHUNK = 32 << 10
# What one read from the socket may add to what was queued.
ONE_READ = 512 << 10


def queued(peer) -> int:
    return peer._connection.session._queued


def held(peer) -> bool:
    return peer._connection.session._held


class Tap:
    """An endless source of chunks that counts how many were taken."""

    def __init__(self) -> None:
        self.taken = 0

    def source(self):
        async def pour(_peer):
            while True:
                self.taken += 1
                yield bytes(CHUNK)

        return pour


async def settled(tap: Tap) -> int:
    """Wait until nothing more is taken."""
    before = -1
    while tap.taken != before:
        before = tap.taken
        await asyncio.sleep(0.1)
    return before


async def test_an_active_reader_holds_the_peer_back_although_others_wait():
    """They get it once it was read: that reader needs nothing but the stream."""
    tap = Tap()

    async def silent(_peer):
        await asyncio.sleep(60)
        yield "late"

    async def answer(_peer):
        return "answered"

    handlers = {"pour": tap.source(), "silent": silent, "answer": answer}
    async with connected(handlers) as peer, aclosing(peer.source("silent")) as silence:
        waiting = asyncio.create_task(anext(silence))
        stream = peer.listen("pour")
        assert 1 <= len(await stream.take()) <= MOST_AT_ONCE
        await eventually(lambda: held(peer))
        await settled(tap)
        assert held(peer)
        assert queued(peer) < PAUSE_ABOVE + ONE_READ
        call = asyncio.create_task(peer.call("answer"))
        most = 0
        while not call.done():
            most = max(most, queued(peer))
            assert await stream.take()
            await asyncio.sleep(0)
        assert call.result() == "answered"
        assert most < PAUSE_ABOVE + ONE_READ
        stream.abort()
        waiting.cancel()
        await asyncio.wait([waiting])


async def test_a_slow_reader_makes_the_peer_wait():
    tap = Tap()
    async with connected({"pour": tap.source()}) as peer, aclosing(peer.source("pour")) as source:
        await anext(source)
        await eventually(lambda: held(peer))
        await settled(tap)
        assert held(peer)
        assert PAUSE_ABOVE < queued(peer) < PAUSE_ABOVE + ONE_READ
        for _ in range(100):
            await anext(source)
        await settled(tap)
        assert queued(peer) < PAUSE_ABOVE + ONE_READ


async def test_a_slow_reader_can_still_make_a_call_before_the_next_value():
    async def whoami(peer):
        return peer.id

    tap = Tap()
    async with (
        connected({"pour": tap.source(), "whoami": whoami}) as peer,
        aclosing(peer.source("pour")) as source,
    ):
        await anext(source)
        await eventually(lambda: held(peer))
        await settled(tap)
        assert held(peer)
        assert await peer.call("whoami", timeout=3)
        assert held(peer)
        await anext(source)


async def test_only_a_reader_that_is_too_slow_for_others_is_ended():
    let_go = asyncio.Event()

    async def slowly(_peer):
        await let_go.wait()
        return "done"

    tap = Tap()
    async with (
        connected({"pour": tap.source(), "slowly": slowly}) as peer,
        aclosing(peer.source("pour")) as source,
    ):
        await anext(source)
        call = asyncio.ensure_future(peer.call("slowly"))
        await eventually(lambda: queued(peer) > PAUSE_ABOVE)
        await eventually(lambda: queued(peer) == 0)
        with pytest.raises(ConsumerTooSlow):
            await anext(source)
        let_go.set()
        assert await call == "done"
        assert tap.taken * CHUNK < 2 * MAX_QUEUED


async def test_ending_a_stream_releases_a_held_connection():
    tap = Tap()
    async with connected({"pour": tap.source()}) as peer:
        async with aclosing(peer.source("pour")) as source:
            await anext(source)
            await eventually(lambda: held(peer))
            await settled(tap)
            assert held(peer)
        assert not held(peer)
        assert queued(peer) == 0


async def test_sending_waits_for_a_slow_peer():
    let_go = asyncio.Event()

    async def lazily(_peer, stream):
        await let_go.wait()
        async for _ in stream:
            pass

    sent = 0

    async def send_all(sink):
        nonlocal sent
        async with sink:
            for _ in range(1000):
                await sink.send(bytes(CHUNK))
                sent += 1

    async with connected({"lazily": StreamHandler(lazily)}) as peer:
        sending = asyncio.ensure_future(send_all(peer.sink("lazily")))
        await asyncio.sleep(0.5)
        assert not sending.done()
        assert peer._connection.backlog() < 1 << 20
        stuck_at = sent
        let_go.set()
        await sending
        assert stuck_at < sent == 1000


async def test_the_backlog_of_answers_is_bounded():
    wire = Wire(takes=False)
    session = wire.session = Session(wire, Serving(Api()))
    for number in range(1, 200_000):
        session.receive(encode(number, {"name": ["x" * 100], "args": [], "type": "async"}))
        if wire.error is not None:
            break
    assert isinstance(wire.error, ProtocolError)
    assert wire.backlog() < MAX_BACKLOG + 1000
