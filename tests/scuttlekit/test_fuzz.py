"""Whatever a peer sends, a server goes on for others, keeps nothing of peers that left, and reports no fault
of its own.
"""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scuttlekit import (
    ConnectionLost,
    KeyPair,
    Peer,
    ScuttlebuttError,
    StreamHandler,
    connect,
    dial,
    serve,
)
from tests.scuttlekit.json_texts import texts
from tests.scuttlekit.peers import eventually, examples
from tests.scuttlekit.wires import framed, wires

PUB, ALICE, EVE = KeyPair(b"p" * 32), KeyPair(b"a" * 32), KeyPair(b"e" * 32)


async def echo(_peer, *args):
    return list(args)


async def first(_peer, value):
    return value


async def numbers(_peer, count=3):
    for number in range(count if count in range(50) else 1):
        yield number


async def forever(_peer):
    while True:
        yield "x" * 999
        await asyncio.sleep(0)


async def drain(_peer, stream, *_args):
    async for _ in stream:
        pass


async def mirror(_peer, stream, *_args):
    async for value in stream:
        await stream.send(value)


HANDLERS = {
    "echo": echo,
    "first": first,
    "numbers": numbers,
    "deep.er.forever": forever,
    "sink": StreamHandler(drain),
    "mirror": StreamHandler(mirror, two_way=True),
}
KINDS = {"numbers": "source", "deep.er.forever": "source", "sink": "sink", "mirror": "duplex"}
calls = st.sampled_from([*HANDLERS, "manifest", "whoami", "", ".", "deep", "deep.er", "__proto__"]).map(
    lambda name: (name, KINDS.get(name, "async"))
)


class Faults(logging.Handler):
    def __init__(self, faults: list[str]) -> None:
        super().__init__(logging.WARNING)
        self.faults = faults

    def emit(self, record: logging.LogRecord) -> None:
        self.faults.append(record.getMessage())


async def send(peer: Peer, pieces: list[bytes], *, hang_up: bool) -> None:
    """Put the pieces on the wire as they are; then say goodbye, or just disconnect."""
    connection = peer._connection
    with suppress(ScuttlebuttError):
        for piece in pieces:
            connection.write(piece)
            await asyncio.sleep(0)
        if not hang_up:
            connection._say_goodbye()
            await asyncio.wait([connection.closed], timeout=0.1)
    connection.fail(ConnectionLost("the peer is gone"))


class Served:
    """A server of which no fault stays unseen, on a loop that runs as long as something is awaited on it."""

    def __init__(self) -> None:
        self.runner = asyncio.Runner()
        self.faults: list[str] = []

    async def start(self) -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: self.faults.append(str(context)))
        self.serving = serve("127.0.0.1", 0, PUB, HANDLERS)
        self.server = await self.serving.__aenter__()

    async def stop(self) -> None:
        await self.serving.__aexit__(None, None, None)

    async def hear(self, pieces: list[bytes], *, hang_up: bool) -> None:
        """Receive everything from one peer, and be as before."""
        async with asyncio.timeout(60):
            before = asyncio.all_tasks()
            await send(await dial(self.server.address, EVE), pieces, hang_up=hang_up)
            async with connect(self.server.address, ALICE) as peer:
                assert await peer.call("echo", 1) == [1]
            await eventually(lambda: not self.server._connections, 20)
            await eventually(lambda: asyncio.all_tasks() <= before, 20)
            assert self.faults == []


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    served = Served()
    handler = Faults(served.faults)
    logging.getLogger().addHandler(handler)
    with served.runner:
        served.runner.run(served.start())
        yield served
        served.runner.run(served.stop())
    logging.getLogger().removeHandler(handler)


@examples(100)
@given(wires(calls, texts), st.booleans())
def test_any_frames_and_calls_leave_the_server_as_it_was(served, pieces, hang_up):
    served.runner.run(served.hear(pieces, hang_up=hang_up))


@pytest.mark.parametrize("kind", ["[]", "{}", '{"a":1}', "null", "1e999", '"\\ud800"'])
def test_a_stream_of_no_kind_is_refused_and_the_connection_goes_on(served, kind):
    async def work() -> None:
        body = f'{{"name":["numbers"],"args":[],"type":{kind}}}'.encode()
        peer = await dial(served.server.address, EVE)
        peer._connection.write(framed(10, 5, body))
        assert await peer.call("echo", 1) == [1]
        await peer.close()

    served.runner.run(work())
    assert served.faults == []
