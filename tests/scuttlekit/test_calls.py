"""Calls and streams between two of our own peers, over real sockets."""

import asyncio
from contextlib import aclosing

import pytest

from scuttlekit import (
    CallTimeout,
    ConnectionLost,
    Goodbye,
    HandshakeFailed,
    ProtocolError,
    RemoteError,
    StreamHandler,
    Unreachable,
    connect,
    dial,
    serve,
)
from scuttlekit.addresses import Address
from scuttlekit.frames import Json
from scuttlekit.network import ServerLimits
from tests.scuttlekit.peers import connected, eventually


async def echo(_peer, *args):
    return list(args)


async def whoami(peer):
    return {"id": peer.id}


async def count(_peer, end):
    for number in range(end):
        yield number


async def fail(_peer):
    raise RuntimeError("the password is 1234")


async def refuse(_peer):
    raise RemoteError("not today", "Refused")


async def never(_peer):
    await asyncio.Event().wait()


async def test_a_call_is_answered_and_both_know_each_others_identity(pub, alice):
    async with connected({"whoami": whoami, "deeply.nested.echo": echo}) as peer:
        assert peer.id == pub.id
        assert await peer.call("whoami") == {"id": alice.id}
        assert await peer.call("deeply.nested.echo", 1, "zwei", {"drei": None}) == [1, "zwei", {"drei": None}]


async def test_many_calls_at_once_each_get_their_own_answer():
    async with connected({"echo": echo}) as peer:
        answers = await asyncio.gather(*(peer.call("echo", number) for number in range(60)))
        assert answers == [[number] for number in range(60)]


async def test_the_dialled_side_may_call_the_dialler(alice, pub):
    async def greet(peer):
        return await peer.call("whoami")

    async with connected({"greet": greet}, {"whoami": whoami}) as peer:
        assert await peer.call("greet") == {"id": pub.id}


async def test_a_peer_lists_its_calls():
    handlers = {"whoami": whoami, "log.count": count, "log.put": StreamHandler(never)}
    async with connected(handlers) as peer:
        manifest = await peer.call("manifest")
        assert manifest == {"whoami": "async", "log": {"count": "source", "put": "sink"}, "manifest": "async"}


async def test_without_handlers_every_call_is_refused():
    async with connected() as peer:
        for name in ("manifest", "whoami", "no.such.thing"):
            with pytest.raises(RemoteError, match="no async"):
                await peer.call(name)
        with pytest.raises(RemoteError, match="no source"):
            await peer.collect("createLogStream", limit=1)
        with pytest.raises(RemoteError, match="no duplex"):
            await anext(peer.duplex("ebt.replicate"))
        with pytest.raises(RemoteError, match="no sink"):
            await peer.sink("blobs.add").close()


async def test_a_refusal_reaches_the_caller_but_internal_errors_do_not(caplog):
    async with connected({"refuse": refuse, "fail": fail}) as peer:
        with pytest.raises(RemoteError, match="not today") as refused:
            await peer.call("refuse")
        assert refused.value.name == "Refused"
        with pytest.raises(RemoteError) as failed:
            await peer.call("fail")
        assert "1234" not in str(failed.value)
    assert "1234" in caplog.text


async def first(_peer, value):
    return value


async def counted(_peer, count=3):
    for number in range(count):
        yield number


async def test_extra_arguments_are_ignored_and_missing_ones_reported():
    async with connected({"first": first, "echo": echo, "counted": counted}) as peer:
        assert await peer.call("first", 1, 2, 3) == 1
        assert await peer.call("echo", 1, 2, 3) == [1, 2, 3]
        assert await peer.collect("counted", limit=9) == [0, 1, 2]
        assert await peer.collect("counted", 2, 5, limit=9) == [0, 1]
        with pytest.raises(RemoteError, match="first needs at least 1 arguments, not 0"):
            await peer.call("first")


async def test_a_call_without_an_answer_ends_at_its_deadline_and_the_connection_goes_on():
    async with connected({"never": never, "whoami": whoami}) as peer:
        with pytest.raises(CallTimeout, match="never"):
            await peer.call("never", timeout=0.05)
        await peer.call("whoami")


async def test_a_value_that_can_not_be_sent_is_refused_before_anything_is_sent():
    async with connected({"echo": echo}) as peer:
        with pytest.raises(ProtocolError):
            await peer.call("echo", object())
        assert await peer.call("echo") == []


async def test_a_source_is_read_to_its_end():
    async with connected({"count": count}) as peer:
        assert [number async for number in peer.source("count", 1000)] == list(range(1000))


async def test_closing_a_source_early_ends_it_at_the_peer():
    ended = asyncio.Event()

    async def live(_peer):
        try:
            yield "first"
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with connected({"live": live, "whoami": whoami}) as peer:
        async with aclosing(peer.source("live")) as source:
            assert await anext(source) == "first"
        await asyncio.wait_for(ended.wait(), 2)
        await peer.call("whoami")


async def test_a_silent_source_ends_at_its_deadline():
    async def silent(_peer):
        yield 1
        await asyncio.Event().wait()

    async with connected({"silent": silent}) as peer:
        with pytest.raises(CallTimeout, match="silent"):
            await peer.collect("silent", limit=2, timeout=0.05)


async def test_an_error_in_a_source_comes_after_what_was_sent_before():
    async def breaks(_peer):
        yield 1
        raise RemoteError("broken")

    got = []
    async with connected({"breaks": breaks}) as peer:
        source = peer.source("breaks")
        got.append(await anext(source))
        with pytest.raises(RemoteError, match="broken"):
            await anext(source)
    assert got == [1]


async def test_a_sink_takes_values_and_closing_it_waits_for_the_peer():
    taken = []

    async def take(_peer, stream):
        async for value in stream:
            taken.append(value)  # noqa: PERF401 - the list belongs to the test

    async with connected({"take": StreamHandler(take)}) as peer:
        async with peer.sink("take") as sink:
            for value in (b"bytes", "text", {"json": [1]}):
                await sink.send(value)
        await eventually(lambda: len(taken) == 3)
    assert taken == [b"bytes", "text", {"json": [1]}]


async def test_a_sink_that_the_peer_refuses_raises_what_it_said():
    async def full(_peer, stream):
        await anext(stream)
        raise RemoteError("the disk is full")

    async def fill(sink):
        async with sink:
            for _ in range(1000):
                await sink.send(b"more")
                await asyncio.sleep(0)

    async with connected({"full": StreamHandler(full)}) as peer:
        with pytest.raises(RemoteError, match="disk is full"):
            await fill(peer.sink("full"))


async def test_a_duplex_speaks_both_ways():
    async def double(_peer, stream):
        async for value in stream:
            await stream.send(value * 2)

    async with (
        connected({"double": StreamHandler(double, two_way=True)}) as peer,
        peer.duplex("double") as both,
    ):
        for value in (1, 2, 3):
            await both.send(value)
            assert await anext(both) == value * 2


async def test_frames_are_sent_and_received_in_one_go():
    async def back(_peer, stream):
        while frames := await stream.take():
            await stream.send_all([Json(frame.body) for frame in frames])

    values = [{"number": number} for number in range(300)]
    async with connected({"back": StreamHandler(back, two_way=True)}) as peer:
        both = peer.duplex("back")
        await both.send_all(values)
        got = []
        while len(got) < len(values):
            got += [frame.value for frame in await both.take()]
        assert got == values
        await both.close()
        assert await both.take() == []


async def test_a_frame_that_is_skipped_does_not_reach_the_reader():
    async def counts(_peer):
        for number in range(6):
            yield number

    async with connected({"counts": counts}) as peer:
        stream = peer.listen("counts")
        stream.skip = lambda frame: frame.value % 2 == 1
        assert [number async for number in stream] == [0, 2, 4]
        assert stream.queued == 0


async def test_an_error_comes_after_the_frames_before_it():
    async def breaks(_peer):
        yield 1
        raise RemoteError("not today")

    async with connected({"breaks": breaks}) as peer:
        stream = peer._connection.session.open("source", "breaks", [])
        assert [frame.value for frame in await stream.take()] == [1]
        with pytest.raises(RemoteError, match="not today"):
            await stream.take()


async def test_a_request_of_many_bytes_is_refused():
    async with connected({"echo": echo}) as peer:
        assert await peer.call("echo", "x" * 60_000)
        with pytest.raises(RemoteError, match="at most"):
            await peer.call("echo", "x" * 70_000)
        assert await peer.call("echo", 1) == [1]


async def test_an_error_in_the_callers_block_ends_its_stream():
    over = asyncio.Event()

    async def take(_peer, stream):
        async for _ in stream:
            pass
        over.set()

    async def stumble(sink):
        async with sink:
            raise KeyError

    async with connected({"take": StreamHandler(take)}) as peer:
        with pytest.raises(KeyError):
            await stumble(peer.sink("take"))
        await asyncio.wait_for(over.wait(), 2)


async def test_closing_a_stream_releases_its_reader():
    async with connected({"take": StreamHandler(take_all, two_way=True)}) as peer:
        both = peer.duplex("take")
        reading = asyncio.ensure_future(anext(both, "nothing"))
        await asyncio.sleep(0)
        await both.close()
        assert await reading == "nothing"


async def take_all(_peer, stream):
    async for _ in stream:
        pass


async def test_a_stream_has_one_reader():
    async with connected(
        {"never": StreamHandler(lambda _peer, _stream: asyncio.sleep(5), two_way=True)}
    ) as peer:
        both = peer.duplex("never")
        first = asyncio.ensure_future(anext(both))
        await asyncio.sleep(0)
        with pytest.raises(RuntimeError, match="one reader"):
            await anext(both)
        first.cancel()


async def test_an_orderly_goodbye_ends_everything_that_waits(pub, alice):
    async with asyncio.timeout(5):
        async with serve("127.0.0.1", 0, pub, {"never": never, "live": live_for_ever}) as server:
            peer = await dial(server.address, alice)
            call = asyncio.ensure_future(peer.call("never"))
            source = asyncio.ensure_future(peer.collect("live", limit=2))
            await asyncio.sleep(0.05)
        for waiting in (call, source):
            with pytest.raises(ConnectionLost):
                await waiting
        await peer.closed
        assert isinstance(peer.reason, Goodbye)
        assert not peer.is_open
        for use in (peer.call("whoami"), peer.collect("live", limit=1)):
            with pytest.raises(ConnectionLost):
                await use
        with pytest.raises(ConnectionLost):
            peer.sink("take")
        await peer.close()


async def live_for_ever(_peer):
    yield 1
    await asyncio.Event().wait()


async def test_a_broken_connection_ends_everything_that_waits(pub, alice):
    async with asyncio.timeout(5), serve("127.0.0.1", 0, pub, {"never": never}) as server:
        peer = await dial(server.address, alice)
        call = asyncio.ensure_future(peer.call("never"))
        await eventually(lambda: server.peers)
        server.peers[0]._connection._transport.abort()
        with pytest.raises(ConnectionLost):
            await call
        await peer.closed


async def test_cancelling_a_wait_disturbs_no_other_waiter():
    async with connected() as peer:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(peer.closed, 0.01)
        waiting = asyncio.ensure_future(peer.closed)
        await asyncio.sleep(0)
        assert not waiting.done()
    await asyncio.wait_for(waiting, 2)


async def test_dialling_the_wrong_key_fails_clearly(pub, alice):
    async with serve("127.0.0.1", 0, pub) as server:
        wrong = Address("127.0.0.1", server.address.port, alice.id)
        with pytest.raises(HandshakeFailed):
            await dial(wrong, alice)
        await eventually(lambda: not server._connections)


async def test_dialling_nobody_fails_clearly(alice, pub):
    with pytest.raises(Unreachable):
        await dial(Address("127.0.0.1", 1, pub.id), alice)
    with pytest.raises(Unreachable):
        await dial(Address("no-such-host.invalid", 8008, pub.id), alice)
    with pytest.raises(Unreachable):
        await dial(Address("a" * 200 + "..b", 8008, pub.id), alice)
    with pytest.raises(Unreachable, match="wss"):
        await dial(Address("127.0.0.1", 8008, pub.id, "wss"), alice)


async def test_an_unwelcome_peer_is_turned_away(pub, alice, bob):
    async with serve("127.0.0.1", 0, pub, {"whoami": whoami}, welcome=lambda who: who == alice.id) as server:
        async with connect(server.address, alice) as peer:
            await peer.call("whoami")
        with pytest.raises(HandshakeFailed):
            await dial(server.address, bob)


async def test_a_full_server_accepts_nobody(pub, alice):
    async with (
        serve("127.0.0.1", 0, pub, room=ServerLimits(connections=1)) as server,
        connect(server.address, alice),
    ):
        with pytest.raises(HandshakeFailed):
            await dial(server.address, alice)
