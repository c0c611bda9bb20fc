"""What the tests of this folder share: two connected peers, patience, and how many examples are tried."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from hypothesis import settings

from scuttlekit import KeyPair, Peer, connect, serve
from scuttlekit.errors import ScuttlebuttError
from scuttlekit.muxrpc import Session
from scuttlekit.serving import Handlers
from tests.fuzzing import FUZZ


def examples(number: int) -> settings:
    """Settings for a property test of `number` examples. What must not hang has a deadline of its own."""
    return settings(max_examples=number * FUZZ)


few = examples(60)


@asynccontextmanager
async def connected(
    handlers: Handlers | None = None, client_handlers: Handlers | None = None
) -> AsyncIterator[Peer]:
    """A client's view of a pub that answers with `handlers`. Nothing in it may take longer than ten seconds."""
    pub, alice = KeyPair(b"p" * 32), KeyPair(b"a" * 32)
    async with (
        asyncio.timeout(10),
        serve("127.0.0.1", 0, pub, handlers) as server,
        connect(server.address, alice, handlers=client_handlers) as peer,
    ):
        yield peer


async def eventually(true: Callable[[], object], within: float = 30.0) -> None:
    """Wait until `true()` holds."""
    async with asyncio.timeout(within):
        while not true():  # noqa: ASYNC110 - what is waited for has no event to tell of it
            await asyncio.sleep(0.005)


class Wire:
    """A connection without a network: it records what muxrpc does with it."""

    session: Session

    def __init__(self, *, takes: bool = True) -> None:
        self.takes = takes
        self.written: list[bytes] = []
        self._size = 0
        self.held = False
        self.said_goodbye = False
        self.error: ScuttlebuttError | None = None

    def write(self, data: bytes) -> None:
        self.written.append(data)
        self._size += len(data)

    def backlog(self) -> int:
        return 0 if self.takes else self._size

    def hold(self, held: bool) -> None:
        self.held = held

    async def drain(self) -> None:
        pass

    def hear_goodbye(self) -> None:
        self.said_goodbye = True

    def fail(self, error: ScuttlebuttError) -> None:
        self.error = error
        self.session.end(error)
