"""A pub that everybody attacks: its highest memory, and how long a guest waits for an answer meanwhile.

300 peers stay connected. Then come, one kind after the other: 20,000 completed handshakes, 1,000 that break
off, 64 peers that ask for everything and read nothing, and floods of blobs, of wants and through the room.
"""

import asyncio
import base64
import hashlib
import itertools
import os
import random
import secrets
import socket
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any

import orjson
import psutil

from bench.claims import claim
from butt.sources.releases import build
from scuttlekit import Address, KeyPair, Peer, ScuttlebuttError, connect, dial
from scuttlekit.frames import Json
from scuttlekit.keys import KEY_BYTES
from scuttlekit.messages import create
from scuttlekit.pub.replication import FORMAT
from scuttlekit.pub.store import Store
from scuttlekit.serving import StreamHandler
from scuttlekit.streams import Stream
from tests.pub.pubs import CAPS, Pub

NETWORK = base64.b64decode(CAPS["shs"])
PEERS, HANDSHAKES, ABORTED, SLOW, MESSAGES = 300, 20_000, 1000, 64, 20_000
BLOBS, BLOB = 60, 4_900_000
WANTING, WANTS = 100, 10_000
MEMBERS, TUNNELLED = 14, 60_000
AT_ONCE = 4
MOST_MEMORY, MOST_SECONDS = 128.0, 2.0
PATIENCE = 60.0
MASTER, FRIEND = KeyPair(b"m" * KEY_BYTES), KeyPair(b"f" * KEY_BYTES)


class Attacked:
    """The pub, and a guest that asks it for something all the time."""

    def __init__(self, pub: Pub) -> None:
        self.pub = pub
        self.address = Address("127.0.0.1", int(pub.config["port"]), pub.id)
        assert pub.process is not None
        self.process = psutil.Process(pub.process.pid)
        self.memory = self.slowest = 0.0

    async def dial(self, keys: KeyPair | None = None, **handlers: Any) -> Peer:
        return await dial(
            self.address,
            keys or KeyPair.generate(),
            network=NETWORK,
            timeout=PATIENCE,
            handlers=handlers or None,
        )

    async def watch(self) -> None:
        while True:
            self.memory = max(self.memory, self.process.memory_info().rss / 1e6)
            began = time.monotonic()
            async with connect(self.address, FRIEND, network=NETWORK, timeout=PATIENCE) as peer:
                options = {"id": FRIEND.id, "limit": 10, "keys": False}
                found = await peer.collect("createHistoryStream", options, limit=10, timeout=PATIENCE)
            assert len(found) == 10
            self.slowest = max(self.slowest, time.monotonic() - began)
            await asyncio.sleep(0.1)


def main() -> None:
    with tempfile.TemporaryDirectory() as home:
        os.environ["BUTT_HOME"] = home
        asyncio.run(attack(build().path, Path(home) / "pub"))


async def attack(release: Path, folder: Path) -> None:
    pub = Pub(release, folder, master=[MASTER.id])
    await fill(pub)
    await asyncio.to_thread(pub.start)
    try:
        attacked = Attacked(pub)
        watching = asyncio.create_task(attacked.watch())
        async with AsyncExitStack() as stack:
            for what, one in ATTACKS.items():
                began, attacked.memory, attacked.slowest = time.monotonic(), 0.0, 0.0
                await one(attacked, stack)
                await asyncio.sleep(1)
                assert not watching.done(), watching.exception()
                print(
                    f"  {what}: {attacked.memory:.0f} MB at most, a guest waited {attacked.slowest:.2f} s at most "
                    f"({time.monotonic() - began:.0f} s)",
                    flush=True,
                )
                claim(f"memory with {what}", attacked.memory, MOST_MEMORY, "MB", "the bound")
                claim(f"a guest's wait with {what}", attacked.slowest, MOST_SECONDS, "s", "the bound")
        watching.cancel()
        async with connect(attacked.address, MASTER, network=NETWORK) as master:
            (seen,) = await master.collect("butt.figures", {}, limit=1, timeout=PATIENCE)
        print(f"  refused: {seen['refused']}", flush=True)
        assert not seen["refused"].get("faults"), pub.output.read_text()[-2000:]
    finally:
        pub.kill()


async def fill(pub: Pub) -> None:
    """A friend's feed of many messages, in a folder whose pub has not started yet."""
    keys = KeyPair.generate()
    pub.data.mkdir(parents=True)
    keys.save(pub.data / "secret")
    store = Store.open(pub.data, keys)
    await store.index()
    await store.publish({"type": "contact", "contact": FRIEND.id, "following": True})
    head = None
    for begins in range(0, MESSAGES, 1000):
        batch = []
        for number in range(begins, begins + 1000):
            batch.append(create({"type": "post", "text": "x" * 300}, FRIEND, head, number))
            head = batch[-1].head
        store.append(batch)
    await store.flush()
    store.close()


async def peers_stay(attacked: Attacked, stack: AsyncExitStack) -> None:
    for _ in range(PEERS):
        peer = await attacked.dial()
        stack.callback(_abort(peer))
        peer.listen("createHistoryStream", {"id": FRIEND.id, "live": True, "old": False})
        peer.listen("blobs.createWants")
        await peer.duplex("ebt.replicate", FORMAT).take()


async def handshakes(attacked: Attacked, _stack: AsyncExitStack) -> None:
    async def come_and_go() -> None:
        for _ in range(HANDSHAKES // AT_ONCE):
            _abort(await attacked.dial())()

    await asyncio.gather(*[come_and_go() for _ in range(AT_ONCE)])


async def broken_off(attacked: Attacked, _stack: AsyncExitStack) -> None:
    for number in range(ABORTED):
        with socket.create_connection((attacked.address.host, attacked.address.port), 10) as line:
            line.sendall(secrets.token_bytes(number % 65))
        await asyncio.sleep(0)


async def slow_readers(attacked: Attacked, stack: AsyncExitStack) -> None:
    for _ in range(SLOW):
        peer = await attacked.dial()
        stack.callback(_abort(peer))
        # From here on, nothing is taken out of the kernel's buffer.
        _transport(peer).pause_reading()
        with suppress(ScuttlebuttError):
            for _ in range(10):
                peer.listen("createHistoryStream", {"id": FRIEND.id})
    await asyncio.sleep(5)


async def blobs(attacked: Attacked, stack: AsyncExitStack) -> None:
    """A friend wants many large blobs, and a stranger has them."""
    given = {_id_of(data): data for data in (os.urandom(32) * (BLOB // 32) for _ in range(BLOBS))}

    async def wants(_peer: Peer, *_: Any) -> Any:
        yield dict.fromkeys(given, -1)
        await asyncio.Event().wait()

    async def has(_peer: Peer, *_: Any) -> Any:
        yield {blob: len(data) for blob, data in given.items()}
        await asyncio.Event().wait()

    async def get(_peer: Peer, asked: Any, *_: Any) -> Any:
        data = given[asked["key"]]
        for at in range(0, len(data), 65_536):
            yield data[at : at + 65_536]

    giver = await attacked.dial(**{"blobs.createWants": has, "blobs.get": get})
    stack.callback(_abort(giver))
    async with connect(attacked.address, MASTER, network=NETWORK) as master:
        guest = KeyPair.generate()
        await master.call("publish", {"type": "contact", "contact": guest.id, "following": True})
        wanting = await attacked.dial(guest, **{"blobs.createWants": wants})
        stack.callback(_abort(wanting))
        # The giver offers them again, now that they are wanted.
        again = await attacked.dial(**{"blobs.createWants": has, "blobs.get": get})
        stack.callback(_abort(again))
        async with asyncio.timeout(300):
            while not all(await master.call("blobs.has", list(given), timeout=PATIENCE)):  # noqa: ASYNC110
                await asyncio.sleep(0.5)


async def wants(attacked: Attacked, stack: AsyncExitStack) -> None:
    # Made beforehand, because the waiting guest runs in this process too.
    notes = [
        Json(orjson.dumps({_random_id(): -1 for _ in range(500)}))
        for _ in range(WANTING * WANTS // 500 // 10)
    ]

    async def flood(_peer: Peer, *_: Any) -> Any:
        for note in random.choices(notes, k=WANTS // 500):
            yield note

    for _ in range(WANTING):
        stack.callback(_abort(await attacked.dial(**{"blobs.createWants": flood})))
    await asyncio.sleep(5)


async def tunnels(attacked: Attacked, stack: AsyncExitStack) -> None:
    """Members flood each other through the room, and none of them reads."""

    async def reads_nothing(_peer: Peer, stream: Stream, *_: Any) -> None:
        await stream.send(b"hello")
        await asyncio.Event().wait()

    async def floods(stream: Stream) -> None:
        with suppress(ScuttlebuttError):
            while True:
                await stream.send(bytes(TUNNELLED))

    members = [KeyPair.generate() for _ in range(MEMBERS)]
    async with connect(attacked.address, MASTER, network=NETWORK) as master:
        for member in members:
            await master.call("publish", {"type": "contact", "contact": member.id, "following": True})
    peers = []
    for member in members:
        answers = StreamHandler(reads_nothing, two_way=True)
        peers.append(peer := await attacked.dial(member, **{"tunnel.connect": answers}))
        stack.callback(_abort(peer))
        await peer.call("tunnel.announce")
    for peer, target in itertools.permutations(peers, 2):
        tunnel = peer.duplex("tunnel.connect", {"portal": attacked.pub.id, "target": target.id})
        stack.callback(asyncio.create_task(floods(tunnel)).cancel)
    await asyncio.sleep(5)


ATTACKS: dict[str, Callable[[Attacked, AsyncExitStack], Awaitable[None]]] = {
    f"{PEERS} peers": peers_stay,
    f"{HANDSHAKES:,} finished handshakes": handshakes,
    f"{ABORTED:,} handshakes that break off": broken_off,
    f"{SLOW} peers that read nothing": slow_readers,
    f"{BLOBS} large blobs": blobs,
    f"{WANTING * WANTS:,} wants": wants,
    f"{MEMBERS * (MEMBERS - 1)} tunnels": tunnels,
}


def _abort(peer: Peer) -> Callable[[], None]:
    """A peer that does not read does not hear the goodbye either."""
    return _transport(peer).abort


def _transport(peer: Peer) -> asyncio.Transport:
    transport = peer._connection._transport  # noqa: SLF001 - there is no other way to be rude
    assert transport is not None
    return transport


def _random_id() -> str:
    return f"&{base64.b64encode(secrets.token_bytes(32)).decode()}.sha256"


def _id_of(data: bytes) -> str:
    return f"&{base64.b64encode(hashlib.sha256(data).digest()).decode()}.sha256"


if __name__ == "__main__":
    main()
