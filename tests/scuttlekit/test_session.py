"""muxrpc's bookkeeping stays right, whatever order things happen in."""

import asyncio
from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from scuttlekit import ConnectionLost, KeyPair, ProtocolError, ScuttlebuttError, Stream, StreamHandler
from scuttlekit.frames import FrameDecoder, encode
from scuttlekit.muxrpc import MAX_QUEUED, PAUSE_ABOVE, Session
from scuttlekit.serving import MAX_CALLS, Api, Serving
from tests.scuttlekit.peers import Wire, few


async def answer(_peer):
    return 1


async def endless(_peer):
    while True:
        yield 1
        await asyncio.sleep(0)


async def take(_peer, stream):
    async for _ in stream:
        pass


API = Api(
    {
        "answer": answer,
        "endless": endless,
        "take": StreamHandler(take),
        "both": StreamHandler(take, two_way=True),
    }
)

numbers = st.integers(-6, 6).filter(bool)
requests = st.builds(
    lambda name, kind: {"name": [name], "args": [], "type": kind},
    st.sampled_from(["answer", "endless", "take", "both", "nope"]),
    st.sampled_from(["async", "source", "sink", "duplex"]),
)
arriving = st.tuples(
    st.just("arrives"),
    st.builds(
        lambda number, value, stream, end: encode(number, value, stream=stream, end=end),
        numbers,
        requests | st.sampled_from([True, {"message": "no", "name": "Error"}, b"x" * 300_000, "text"]),
        st.booleans(),
        st.booleans(),
    ),
)
doing = st.tuples(
    st.sampled_from(["call", "source", "sink", "duplex", "read", "send", "abort", "close"]), st.integers(0, 5)
)
waiting = st.tuples(st.just("wait"), st.none())


async def play(events) -> None:
    wire = Wire()
    session = wire.session = Session(wire, Serving(API))
    streams: list[Stream] = []
    tasks: list[asyncio.Task] = []
    for what, which in events:
        await act(session, streams, tasks, what, which)
        books_are_right(session, wire)
    session.end(ConnectionLost("the test is over"))
    assert session._queued >= 0
    assert not wire.held
    assert not session._calls
    assert not session._streams
    outcomes = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 2)
    for outcome in outcomes:
        allowed = (ScuttlebuttError, StopAsyncIteration, RuntimeError)
        assert not isinstance(outcome, BaseException) or isinstance(outcome, allowed), outcome
    assert session._waiting == 0
    decoder = FrameDecoder()
    list(decoder.feed(b"".join(wire.written)))


async def act(session, streams, tasks, what, which) -> None:
    with suppress(ConnectionLost):
        if what == "arrives":
            try:
                session.receive(which)
            except ProtocolError as error:
                session.end(error)
        elif what == "wait":
            await asyncio.sleep(0)
        elif what == "call":
            tasks.append(asyncio.create_task(session.call("whoami", (), 1)))
        elif what in {"source", "sink", "duplex"}:
            streams.append(session.open(what, "name", ()))
        elif which < len(streams):
            stream = streams[which]
            if what == "abort":
                stream.abort()
            else:
                todo = {
                    "read": lambda: anext(stream),
                    "send": lambda: stream.send("x"),
                    "close": stream.close,
                }[what]
                tasks.append(asyncio.create_task(_run(todo())))


async def _run(work) -> None:
    await work


def books_are_right(session, wire) -> None:
    queued = session._queued
    assert 0 <= queued <= MAX_QUEUED
    assert queued >= sum(stream.queued for stream in session._streams.values())
    assert wire.held == (queued > PAUSE_ABOVE and not session._waiting and session._reason is None)
    assert len(session._service._tasks) <= MAX_CALLS


@few
@given(st.lists(arriving | doing | waiting, max_size=30))
def test_the_bookkeeping_is_right_in_any_order_of_events(events):
    asyncio.run(play(events))


def test_a_request_number_in_use_is_not_used_again():
    async def work() -> None:
        session = Session(Wire(), Serving(API))
        session.open("source", "live", ())
        session._last = (1 << 31) - 1
        session.open("source", "other", ())
        assert set(session._streams) == {-1, -2}

    asyncio.run(work())


def test_a_late_answer_to_a_call_that_was_given_up_is_dropped():
    async def work() -> None:
        session = Session(Wire(), Serving(API))
        with suppress(TimeoutError):
            await session.call("whoami", (), 0.01)
        session.receive(encode(-1, {"id": KeyPair.generate().id}))
        assert not session._calls

    asyncio.run(work())
