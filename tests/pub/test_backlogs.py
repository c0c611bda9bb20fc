"""What a peer asks for and does not read stays on disk: no number of such peers fills the pub's memory."""

import asyncio
import base64
import shutil
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any, Self

import psutil
import pytest

from scuttlekit import Address, KeyPair, Peer, connect
from scuttlekit.canonical import compact
from scuttlekit.frames import encode
from scuttlekit.messages import Message, create
from scuttlekit.offsetlog import framed
from tests.pub.pubs import CAPS, Client, Pub, until

NETWORK = base64.b64decode(CAPS["shs"])
MB = 1024 * 1024
MESSAGES = 20_000
MOST = 64 * MB
"""What such peers may add to the memory of a pub. All messages together take about 100 MB there."""

Asking = Callable[[Peer], Awaitable[None]]

FRIEND = KeyPair(bytes(range(32)))


def memory(pub: Pub) -> int:
    return int(psutil.Process(pub.process.pid).memory_info().rss)


def posts(author: KeyPair, count: int) -> list[bytes]:
    """This many messages of an author, as a log holds them."""
    records, latest = [], None
    for number in range(count):
        content = {"type": "post", "text": f"{number} " + "x" * 1500}
        latest = create(content, author, latest.head if latest else None, 1_700_000_000_000 + number)
        records.append(record(latest))
    return records


def record(message: Message) -> bytes:
    return compact({"key": message.key, "value": message.value, "timestamp": message.value["timestamp"]})


@pytest.fixture(scope="module")
def kept(built_pub: Path, client: Client, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data of a pub that has many messages of a friend, indexed."""
    pub = Pub(built_pub, tmp_path_factory.mktemp("kept") / "pub", master=[client.keys["id"]])
    pub.start()
    try:
        client.call(pub, "publish", {"type": "contact", "contact": FRIEND.id, "following": True})
        assert pub.stop() == 0
        client.hang_up()
        log = pub.data / "flume" / "log.offset"
        with log.open("ab") as file:
            file.write(framed(posts(FRIEND, MESSAGES), file.tell())[0])
        pub.start()
        until(lambda: client.call(pub, "status")["sync"]["sync"])
        assert pub.stop() == 0
        client.hang_up()
    finally:
        pub.kill()
    return pub.data


@pytest.fixture
def pub(make_pub: Callable[..., Pub], kept: Path, tmp_path: Path) -> Pub:
    pub = make_pub()
    shutil.copytree(kept, pub.data)
    return pub.start()


class Crowd:
    """Peers that do not read."""

    def __init__(self, pub: Pub) -> None:
        self.pub = pub
        self._open = AsyncExitStack()
        self._peers: list[Peer] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for peer in self._peers:
            peer._connection._transport.abort()
        with suppress(Exception):
            await self._open.aclose()

    @property
    def unsent(self) -> int:
        """How many bytes the pub has not read."""
        return sum(peer._connection._transport.get_write_buffer_size() for peer in self._peers)

    async def joins(self, asks: Asking) -> None:
        peer = await self._open.enter_async_context(meets(self.pub))
        self._peers.append(peer)
        await asks(peer)


def meets(pub: Pub) -> Any:
    address = Address("127.0.0.1", pub.config["port"], pub.id)
    return connect(address, KeyPair.generate(), network=NETWORK, timeout=60)


def histories(count: int) -> Asking:
    ask = {"name": ["createHistoryStream"], "args": [{"id": FRIEND.id, "live": True}], "type": "source"}
    return sends(b"".join(encode(number, ask, stream=True) for number in range(1, 1 + count)))


def calls(count: int) -> Asking:
    ask = {"name": ["manifest"], "args": [], "type": "async"}
    return sends(b"".join(encode(number, ask) for number in range(1, 1 + count)))


def sends(packets: bytes) -> Asking:
    async def ask(peer: Peer) -> None:
        peer._connection.hold(True)
        peer._connection.write(packets)

    return ask


async def replication(peer: Peer) -> None:
    stream = peer.duplex("ebt.replicate", {"version": 3})
    assert FRIEND.id in await anext(stream)
    peer._connection.hold(True)
    await stream.send({FRIEND.id: 0})


CROWDS = {
    "one with ten streams": [histories(10)],
    "four with many streams": [histories(1000)] * 4,
    "one with too many streams": [histories(9000)],
    "four that replicate": [replication] * 4,
}


@pytest.mark.parametrize("asks", CROWDS.values(), ids=CROWDS)
async def test_peers_that_do_not_read_fill_no_memory(pub: Pub, asks: list[Asking]):
    before = memory(pub)
    async with Crowd(pub) as crowd:
        for ask in asks:
            await crowd.joins(ask)
        for _ in range(20):
            assert memory(pub) - before < MOST
            await asyncio.sleep(0.25)
        await is_served(pub)
        assert memory(pub) - before < MOST


async def test_the_pub_does_not_read_from_a_peer_that_does_not_read(pub: Pub):
    async with Crowd(pub) as crowd:
        await crowd.joins(calls(300_000))
        await is_served(pub)
        assert crowd.unsent > 0


async def is_served(pub: Pub) -> None:
    """Meanwhile another guest reads all of it."""
    async with meets(pub) as peer:
        read = [m async for m in peer.source("createHistoryStream", {"id": FRIEND.id, "keys": False})]
    assert [message["sequence"] for message in read] == list(range(1, MESSAGES + 1))
