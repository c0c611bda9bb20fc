"""Any bytes, at any moment, end in a clear error: never in a hang, never in unbounded memory."""

import asyncio
import gc
import socket
import struct
import tracemalloc
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scuttlekit import (
    CallTimeout,
    ConnectionLost,
    KeyPair,
    ProtocolError,
    RemoteError,
    ScuttlebuttError,
    StreamHandler,
    dial,
    serve,
)
from scuttlekit.addresses import Address
from scuttlekit.boxstream import Sealer
from scuttlekit.frames import GOODBYE, FrameDecoder, encode
from scuttlekit.handshake import server as dialled
from scuttlekit.muxrpc import MAX_THEIR_STREAMS, Session
from scuttlekit.serving import HOLD_ABOVE, MAX_CALLS, MAX_WAITING, Api, Serving
from tests.scuttlekit.peers import Wire, connected, eventually, few

PUB, ALICE = KeyPair(b"p" * 32), KeyPair(b"a" * 32)

frames = st.builds(
    lambda flags, number, body: struct.pack(">BIi", flags, len(body), number) + body,
    st.integers(0, 15),
    st.integers(-3, 3),
    st.sampled_from([b"true", b"{}", b"[1]", b'{"name":["echo"],"args":[1],"type":"async"}', b"\xff", b"x"])
    | st.sampled_from(["source", "sink", "duplex", "moose"]).map(
        lambda kind: b'{"name":["%s"],"args":[],"type":"%s"}' % (kind.encode(), kind.encode())
    )
    | st.binary(max_size=30),
)
plain_bytes = st.lists(frames | st.binary(max_size=60) | st.just(GOODBYE), max_size=8).map(b"".join)


async def echo(_peer, *args):
    return list(args)


async def source(_peer):
    yield 1
    yield 2


async def drain(_peer, stream):
    async for _ in stream:
        pass


HANDLERS = {
    "echo": echo,
    "source": source,
    "sink": StreamHandler(drain),
    "duplex": StreamHandler(drain, two_way=True),
}


class Liar:
    """A peer that shakes hands properly, sends the given bytes, and disconnects or stays silent."""

    def __init__(self, plain: bytes, *, raw: bytes = b"", after_step: int = 3, hang_up: bool = True) -> None:
        self.plain, self.raw, self.after_step, self.hang_up = plain, raw, after_step, hang_up

    async def __aenter__(self) -> Address:
        self.server = await asyncio.start_server(self.lie, "127.0.0.1", 0)
        return Address("127.0.0.1", self.server.sockets[0].getsockname()[1], PUB.id)

    async def __aexit__(self, *error: object) -> None:
        self.server.close()

    async def lie(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            steps = dialled(PUB)
            step = next(steps)
            for _ in range(min(self.after_step, 1)):
                step = steps.send(await reader.readexactly(step.want))
                writer.write(step.send)
            if self.after_step > 1:
                try:
                    steps.send(await reader.readexactly(step.want))
                except StopIteration as done:
                    agreed = done.value
                writer.write(agreed.last)
                writer.write(Sealer(agreed.seal_key, agreed.seal_nonce).seal(self.plain))
            writer.write(self.raw)
            if not self.hang_up:
                await reader.read()
        except (asyncio.IncompleteReadError, ConnectionError, ScuttlebuttError):
            pass
        finally:
            writer.close()


def run(work) -> None:
    """Run work that must end within five seconds, whatever happens."""

    async def within() -> None:
        async with asyncio.timeout(5):
            await work

    asyncio.run(within())


@few
@given(st.binary(max_size=300), st.integers(0, 1))
def test_anything_instead_of_a_handshake_is_a_clear_error(raw, after_step):
    async def work() -> None:
        async with Liar(b"", raw=raw, after_step=after_step) as address:
            with pytest.raises(ScuttlebuttError):
                await dial(address, ALICE)

    run(work())


@few
@given(st.binary(min_size=34, max_size=300))
def test_anything_instead_of_boxes_ends_the_connection(raw):
    async def work() -> None:
        async with Liar(b"", raw=raw) as address:
            peer = await dial(address, ALICE)
            with pytest.raises(ConnectionLost):
                await peer.call("whoami")
            await peer.closed
            assert isinstance(peer.reason, ScuttlebuttError)

    run(work())


@few
@given(plain_bytes)
def test_every_call_ends_whatever_frames_arrive(plain):
    async def work() -> None:
        async with Liar(plain) as address:
            peer = await dial(address, ALICE, handlers=HANDLERS)
            outcomes = await asyncio.gather(
                peer.call("whoami"),
                peer.collect("createLogStream", limit=3),
                return_exceptions=True,
            )
            for outcome in outcomes:
                assert not isinstance(outcome, BaseException) or isinstance(outcome, ScuttlebuttError), (
                    outcome
                )
            await peer.close()
            assert isinstance(peer.reason, ScuttlebuttError)

    run(work())


@few
@given(st.binary(max_size=300))
def test_a_server_survives_any_bytes_from_a_stranger(raw):
    async def work() -> None:
        async with serve("127.0.0.1", 0, PUB, HANDLERS, handshake_timeout=0.02) as server:
            reader, writer = await asyncio.open_connection("127.0.0.1", server.address.port)
            writer.write(raw)
            # It sends nothing, or its challenge; then it disconnects, because it cannot continue, and may
            # have left some unread.
            with suppress(ConnectionResetError):
                assert len(await reader.read()) in {0, 64}
            writer.close()
            await eventually(lambda: not server._connections)

    run(work())


@few
@given(plain_bytes)
def test_a_server_survives_any_frames_from_a_peer(plain):
    async def work() -> None:
        async with serve("127.0.0.1", 0, PUB, HANDLERS) as server:
            peer = await dial(server.address, ALICE)
            connection = peer._connection
            connection._transport.write(connection._sealer.seal(plain))
            connection._transport.write_eof()
            await peer.closed
            await eventually(lambda: not server._connections)

    run(work())


async def test_a_silent_peer_is_left_at_the_deadline():
    for step in (0, 1):
        async with asyncio.timeout(5), Liar(b"", after_step=step, hang_up=False) as address:
            with pytest.raises(ScuttlebuttError):
                await dial(address, ALICE, timeout=0.1)


async def test_too_deep_json_ends_only_its_call():
    deep = b"[" * 50_000 + b"]" * 50_000
    async with (
        asyncio.timeout(5),
        Liar(struct.pack(">BIi", 2, len(deep), -1) + deep, hang_up=False) as address,
    ):
        peer = await dial(address, ALICE)
        with pytest.raises((ProtocolError, CallTimeout)):
            await peer.call("whoami", timeout=0.1)
        assert peer.is_open
        await peer.close()


async def test_a_request_that_is_not_json_is_refused_and_the_connection_stays():
    async with connected(HANDLERS) as peer:
        connection = peer._connection
        for body in (b"\xff", b"[" * 5000, b"[]", b'{"name":7}', b'{"name":["echo"],"args":{}}'):
            connection.write(struct.pack(">BIi", 2, len(body), 77) + body)
            connection.write(struct.pack(">BIi", 10, len(body), 78) + body)
            connection.write(encode(78, True, stream=True, end=True))
        assert await peer.call("echo", 1) == [1]


async def test_a_peer_that_opens_streams_and_never_ends_them_is_cut_off():
    async with connected(HANDLERS) as peer:
        session = peer._connection.session
        for number in range(1, MAX_THEIR_STREAMS + 2):
            session.send(number, {"name": ["nope"], "args": [], "type": "source"}, stream=True)
        await peer.closed


async def test_calls_beyond_the_bound_wait_for_their_turn():
    let_go = asyncio.Event()
    answering = most = 0

    async def slowly(_peer):
        nonlocal answering, most
        answering += 1
        most = max(most, answering)
        await let_go.wait()
        answering -= 1
        return 1

    async with serve("127.0.0.1", 0, PUB, {"slowly": slowly}) as server:
        peer = await dial(server.address, ALICE)
        calls = [asyncio.ensure_future(peer.call("slowly", timeout=60)) for _ in range(3000)]
        await eventually(lambda: answering == MAX_CALLS)
        await eventually(lambda: server.peers[0]._connection.session._held)
        let_go.set()
        assert await asyncio.gather(*calls) == [1] * len(calls)
        assert most == MAX_CALLS
        await peer.close()


async def test_calls_without_end_are_refused():
    async def never(_peer):
        await asyncio.Event().wait()

    wire = Wire()
    wire.session = session = Session(wire, Serving(Api({"never": never})))
    for number in range(1, MAX_CALLS + MAX_WAITING + 2):
        session.receive(encode(number, {"name": ["never"], "args": [], "type": "async"}))
        assert wire.held == (number > MAX_CALLS + HOLD_ABOVE)
    (refusal,) = [frame for data in wire.written for frame in FrameDecoder().feed(data)]
    assert "at once" in refusal.value["message"]
    session.end(ConnectionLost("over"))


async def test_streams_beyond_the_bound_are_refused():
    async def never(_peer):
        await asyncio.Event().wait()
        yield 1

    async with connected({"never": never}) as peer:
        streams = [peer.listen("never") for _ in range(MAX_CALLS + 1)]
        with pytest.raises(RemoteError, match="at once"):
            await streams[-1].take()


async def test_nothing_that_strangers_sent_stays_once_they_are_gone():
    """Python keeps each ended connection until it looks for reference cycles, which large objects do not
    hasten.
    """
    noise, strangers = bytes(range(256)) * 800, 40
    async with asyncio.timeout(60), serve("127.0.0.1", 0, PUB, HANDLERS) as server:

        def knocks() -> None:
            to = (server.address.host, server.address.port)
            with socket.create_connection(to, 20) as line, suppress(OSError):
                line.sendall(noise)
                line.recv(100)

        await asyncio.to_thread(knocks)
        gc.collect()
        gc.disable()
        tracemalloc.start()
        try:
            for _ in range(strangers):
                await asyncio.to_thread(knocks)
            await eventually(lambda: not server._connections)
            kept, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
            gc.enable()
    assert kept < strangers * len(noise) / 10
