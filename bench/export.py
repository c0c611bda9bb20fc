"""Exporting a whole bot with 50,000 messages and 200 MB of blobs while it is written to: memory of the
server, and speed beside `tar`.

The floor is `tar` of the same folder, read through a pipe in the same minute. A stock ssb-server that starts
on the unpacked export must have every message and every blob.
"""

import asyncio
import hashlib
import os
import subprocess
import tarfile
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from bench.pace import Peak, tell_pace
from butt.sources.releases import build
from scuttlekit import ScuttlebuttError, connect
from tests import stock
from tests.exports.living import add_blob, master_of, publish, save_export
from tests.service import Person, Service

MESSAGES, BLOBS, BLOB_SIZE, ROUNDS = 50_000, 100, 2_000_000, 3
BATCH = 2_500


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.environ["BUTT_HOME"] = folder
        release, server = build().path, build(stock.STOCK).path
        place = Path(folder) / "work"
        place.mkdir()
        with Service(Path(folder) / "home", release) as site:
            asyncio.run(measure(site, server, place))


async def measure(site: Service, server: Path, place: Path) -> None:
    alice = site.person("alice@example.org")
    bot = alice.names_a_bot("my")
    alive = alice.waits_for("alive", bot)
    digests = await fill(site, alive)
    tar = place / "my.tar"
    ours, floor = [], []
    async with master_of(site, alive) as peer:
        writing = asyncio.create_task(publish(peer, 1_000_000, at_once=2))
        with Peak(site.part("public")) as memory:
            for _ in range(ROUNDS):
                ours.append(await asyncio.to_thread(timed_export, alice, bot, tar))
                floor.append(
                    await asyncio.to_thread(timed_tar, site.home / "bots" / bot["id"] / "data", place)
                )
        writing.cancel()
    tell_pace("an export", tar.stat().st_size, ours, {"`tar`": floor}, memory)
    alice.asks("stop", bot)
    alice.waits_for("stopped", bot)
    await check(server, place, tar, digests)


async def fill(site: Service, alive: Any) -> dict[str, str]:
    digests = {}
    async with master_of(site, alive) as peer:
        for _ in range(BLOBS):
            blob = os.urandom(BLOB_SIZE)
            digests[await add_blob(peer, blob)] = hashlib.sha256(blob).hexdigest()
        await publish(peer, 1)
    await speak_until(site, alive, MESSAGES, at_once=50)
    return digests


async def speak_until(site: Service, alive: Any, sequence: int, at_once: int) -> None:
    """A busy pub may say goodbye; a writer with more to say connects again."""
    left = sequence
    while left > 0:
        with suppress(ScuttlebuttError):
            async with master_of(site, alive) as peer:
                left = sequence - (await peer.call("getLatest", peer.id, timeout=60))["value"]["sequence"]
                await publish(peer, min(left, BATCH), at_once)


def timed_export(alice: Person, bot: Any, tar: Path) -> float:
    began = time.monotonic()
    save_export(alice, bot, "all", tar)
    return time.monotonic() - began


def timed_tar(data: Path, place: Path) -> float:
    """Through a pipe into a file, as ours goes through a socket into one. Only the files that an export
    includes.
    """
    began = time.monotonic()
    with (place / "floor.tar").open("wb") as file:
        parts = ["secret", "flume/log.offset", "blobs"]
        command = ["tar", "-C", str(data), "-cf", "-", "--warning=no-file-changed", *parts]
        packing = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert packing.stdout
        while chunk := packing.stdout.read(1 << 16):
            file.write(chunk)
        packing.wait()
    return time.monotonic() - began


async def check(server: Path, place: Path, tar: Path, digests: dict[str, str]) -> None:
    (place / "data").mkdir()
    with tarfile.open(tar) as archive:
        archive.extractall(place / "data", filter="data")
    async with stock.stock_server(server, place) as address:
        async with connect(address, stock.MASTER) as peer:
            latest = await peer.call("getLatest", peer.id, timeout=120)
            found = await stock.feed_of(peer, most=2_000_000)
        assert list(found) == list(range(1, latest["value"]["sequence"] + 1))
        assert len(found) >= MESSAGES
        for blob, digest in digests.items():
            async with connect(address, stock.MASTER) as peer:
                chunks = await peer.collect("blobs.get", blob, limit=10_000, timeout=60)
            assert hashlib.sha256(b"".join(chunks)).hexdigest() == digest
    print(f"  a stock ssb-server has all {len(found)} messages and {len(digests)} blobs", flush=True)


if __name__ == "__main__":
    main()
