"""The pub beside stock `ssb-server`: its start, its memory and its disk with many messages, and its speed.

A program makes the logs. Their signatures are wrong, which a program that only reads stored messages does not
notice. Both start on copies of one log, in turns. The time of a start is the time until `whoami` is answered.
"""

import asyncio
import base64
import os
import random
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import orjson

from bench import replication
from bench.claims import claim
from bench.replication import MASTER, Server, ours, stock
from butt.sources.releases import build
from scuttlekit import KeyPair, connect
from scuttlekit.messages import Message
from scuttlekit.pub.store import Store

MANY, SOME, READERS, ROUNDS, FEEDS = 1_000_000, 20_000, 10, 3, 1000
BATCH = 1000
OWN = KeyPair.generate()


def main() -> None:
    with tempfile.TemporaryDirectory() as home:
        os.environ["BUTT_HOME"] = home
        release, beside = build().path, build(Path(__file__).parent / "stock").path
        asyncio.run(starts(release, beside, Path(home)))
        asyncio.run(reads(release, beside, Path(home)))


async def starts(release: Path, beside: Path, home: Path) -> None:
    """With a million messages, beside a pub that has none."""
    full = made(home / "full", MANY, FEEDS)
    ours_took, stock_took, memory, resident = [], [], [], []
    for number in range(ROUNDS):
        began = time.monotonic()
        async with ours(release, full) as server:
            ours_took.append(time.monotonic() - began)
            await asyncio.sleep(replication.IDLE)
            memory.append(server.memory)
            resident.append(server.process.memory_info().rss / 1e6)
        began = time.monotonic()
        async with stock(beside, made(home / f"empty{number}", 0, 1)):
            stock_took.append(time.monotonic() - began)
    took, other = statistics.median(ours_took), statistics.median(stock_took)
    print(f"  start with {MANY:,} messages: ours {took:.2f} s, ssb-server without any {other:.2f} s")
    print(
        f"  idle then: {statistics.median(resident):.0f} MB, {statistics.median(memory):.0f} MB of its own",
        flush=True,
    )
    claim(f"start with {MANY:,} messages", took, other, "s", "ssb-server without any")


async def reads(release: Path, beside: Path, home: Path) -> None:
    """Ten guests read all of one feed at once. Afterwards the sizes of the folders are measured."""
    paces: dict[str, list[float]] = {"ours": [], "stock": []}
    folders = {who: made(home / who, SOME, 1) for who in paces}
    for _ in range(ROUNDS):
        for who, run, built in (("ours", ours, release), ("stock", stock, beside)):
            async with run(built, folders[who]) as server:
                paces[who].append(await pace_of(server))
    pace, other = statistics.median(paces["ours"]), statistics.median(paces["stock"])
    print(f"  {READERS} readers of {SOME:,}: ours {pace:,.0f} a second, ssb-server {other:,.0f}", flush=True)
    claim(f"messages a second to {READERS} readers", pace, other, "messages")
    sizes = {who: disk_of(folder / "data" / "flume") / SOME for who, folder in folders.items()}
    print(f"  disk: ours {sizes['ours']:.0f} bytes a message, ssb-server {sizes['stock']:.0f}", flush=True)
    claim("disk for a message", sizes["ours"], sizes["stock"], "bytes")


async def pace_of(server: Server) -> float:
    async with connect(server.address, MASTER) as peer:
        assert await peer.call("getLatest", feeds(1)[0], timeout=120)
    began = time.monotonic()
    await asyncio.gather(*[read(server) for _ in range(READERS)])
    return READERS * SOME / (time.monotonic() - began)


async def read(server: Server) -> None:
    async with connect(server.address, KeyPair.generate()) as peer:
        count = 0
        async for _ in peer.source("createHistoryStream", {"id": feeds(1)[0], "live": False, "keys": False}):
            count += 1
        assert count == SOME, count


def made(folder: Path, count: int, of: int) -> Path:
    """A folder whose `data` belongs to a pub with a log of this many messages of this many feeds."""
    data = folder / "data"
    data.mkdir(parents=True)
    OWN.save(data / "secret")
    store = Store.open(data, OWN)
    batch: list[Message] = []
    for message in messages(count, feeds(of)):
        batch.append(message)
        if len(batch) == BATCH:
            store.append(batch)
            batch = []
    store.append(batch)
    store.close()
    return folder


def feeds(count: int) -> list[str]:
    return [KeyPair(number.to_bytes(32)).id for number in range(count)]


def messages(count: int, authors: list[str]) -> Iterator[Message]:
    chance = random.Random(1)
    signature = f"{base64.b64encode(bytes(64)).decode()}.sig.ed25519"
    heads: dict[str, tuple[int, str | None]] = {}
    for number in range(count):
        author = chance.choice(authors)
        sequence, previous = heads.get(author, (0, None))
        contact = {"type": "contact", "contact": chance.choice(authors), "following": True}
        post = {
            "type": "post",
            "text": "As people write them, of ordinary length. " + "x" * chance.randrange(200),
        }
        value = {
            "previous": previous,
            "sequence": sequence + 1,
            "author": author,
            "timestamp": 1_700_000_000_000 + number,
            "hash": "sha256",
            "content": post if number % 20 else contact,
            "signature": signature,
        }
        key = f"%{base64.b64encode(chance.randbytes(32)).decode()}.sha256"
        heads[author] = sequence + 1, key
        yield Message(key, value, orjson.dumps(value))


def disk_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


if __name__ == "__main__":
    main()
