"""Whatever peers do, the pub stays small, and goes on answering others."""

import asyncio
import base64
import secrets
import shutil
import struct
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from scuttlekit import Address, KeyPair, Peer, ScuttlebuttError, connect, dial
from scuttlekit.pub.replication import FORMAT
from scuttlekit.pub.store import Store
from tests.pub.pubs import Pub
from tests.pub.test_strangers import NETWORK
from tests.scuttlekit.store.voices import Voice

MOST = 128e6
"""Bytes of memory, whatever happens."""
FEW = 40
MESSAGES = 10_000

Attack = Callable[[Peer, str], Awaitable[None]]


ALICE = Voice("alice")


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a pub with a long feed of Alice's."""
    folder = tmp_path_factory.mktemp("filled")
    asyncio.run(_fill(folder))
    return folder


async def _fill(folder: Path) -> None:
    keys, alice = KeyPair.generate(), ALICE
    keys.save(folder / "secret")
    store = Store.open(folder, keys)
    await store.index()
    await store.publish({"type": "contact", "contact": alice.id, "following": True})
    for _ in range(0, MESSAGES, 500):
        store.append([alice.says({"type": "post", "text": "x" * 300}) for _ in range(500)])
    await store.flush()
    store.close()


def stop_reading(peer: Peer) -> None:
    peer._connection._transport.pause_reading()


async def asks_for_histories_and_reads_nothing(peer: Peer, feed: str) -> None:
    stop_reading(peer)
    for _ in range(64):
        peer.listen("createHistoryStream", {"id": feed})


async def asks_for_a_feed_and_reads_nothing(peer: Peer, feed: str) -> None:
    stream = peer.duplex("ebt.replicate", FORMAT)
    await stream.take()
    stop_reading(peer)
    await stream.send({feed: 0})


async def tells_of_thousands_of_feeds(peer: Peer, _feed: str) -> None:
    stream = peer.duplex("ebt.replicate", FORMAT)
    await stream.take()
    stop_reading(peer)
    for _ in range(3):
        await stream.send(
            {f"@{base64.b64encode(secrets.token_bytes(32)).decode()}.ed25519": 2 for _ in range(10_000)}
        )


async def begins_a_frame_that_never_ends(peer: Peer, _feed: str) -> None:
    peer._connection.write(struct.pack(">BIi", 2, 1 << 20, 1) + bytes((1 << 20) - 10))


async def opens_streams_and_stays(peer: Peer, _feed: str) -> None:
    for number in range(64):
        peer.listen("createHistoryStream", {"id": Voice(str(number)).id, "live": True})


ATTACKS = {
    attack.__name__: attack
    for attack in (
        asks_for_histories_and_reads_nothing,
        asks_for_a_feed_and_reads_nothing,
        tells_of_thousands_of_feeds,
        begins_a_frame_that_never_ends,
        opens_streams_and_stays,
    )
}


class Watch:
    """Watches how much memory a process uses, and how long a master waits for an answer."""

    def __init__(self, pub: Pub, address: Address, master: KeyPair) -> None:
        self.process = psutil.Process(pub.process.pid)
        self.address = address
        self.master = master
        self.memory = 0
        self.slowest = 0.0

    async def run(self) -> None:
        while True:
            self.memory = max(self.memory, self.process.memory_info().rss)
            began = time.monotonic()
            async with connect(self.address, self.master, network=NETWORK, timeout=30) as peer:
                await peer.call("whoami", timeout=30)
            self.slowest = max(self.slowest, time.monotonic() - began)
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
async def test_many_peers_that_give_nothing_cost_little(make_pub: Any, filled: Path, attack: Attack):
    master = KeyPair.generate()
    pub = make_pub(master=[master.id])
    shutil.copytree(filled, pub.data)
    await asyncio.to_thread(pub.start)
    address = Address("127.0.0.1", pub.config["port"], pub.id)
    watch = Watch(pub, address, master)
    async with AsyncExitStack() as stack:
        watching = asyncio.ensure_future(watch.run())
        for _ in range(FEW):
            peer = await dial(address, KeyPair.generate(), network=NETWORK, timeout=30)
            # A peer that does not read does not hear the goodbye.
            stack.callback(peer._connection._transport.abort)
            with suppress(ScuttlebuttError, TimeoutError):
                await asyncio.wait_for(attack(peer, ALICE.id), 10)
        await asyncio.sleep(1)
        assert not watching.done(), watching.exception()
        watching.cancel()
    assert watch.memory < MOST
    assert watch.slowest < 5
    assert pub.process.poll() is None
