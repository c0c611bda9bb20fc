"""A pub that is idle, and one that replicates 10,000 messages: ours beside stock `ssb-server`.

Both follow the same other server, in turns, and are told to connect to it. The time is measured until they
have its last message. Memory is what the process has for itself (USS, on Linux): after some idle seconds, at
its highest, and some seconds afterwards.
"""

import asyncio
import json
import os
import statistics
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench.claims import claim
from bench.start import all_answer, start, stock_config
from butt.sources.releases import build
from scuttlekit import Address, KeyPair, Peer, connect
from tests.exports.living import publish
from tests.lanes import free_ports
from tests.pub.pubs import Pub

MESSAGES, ROUNDS = 10_000, 3
IDLE, AFTER = 10.0, 10.0
MOST_SECONDS = 600
MASTER = KeyPair.generate()


@dataclass
class Server:
    """A running server, and what the system says about its process."""

    address: Address
    process: psutil.Process

    @property
    def memory(self) -> float:
        """In MB."""
        return float(self.process.memory_full_info().uss) / 1e6


@dataclass
class Taken:
    idle: float
    seconds: float
    peak: float
    after: float


def main() -> None:
    with tempfile.TemporaryDirectory() as home:
        os.environ["BUTT_HOME"] = home
        releases = {"ours": build().path, "stock": build(Path(__file__).parent / "stock").path}
        taken: dict[str, list[Taken]] = {"ours": [], "stock": []}
        asyncio.run(in_turns(releases, taken))
    asked = {
        "idle": ("idle", "MB"),
        "peak": ("at most meanwhile", "MB"),
        "after": (f"{AFTER:.0f} s after", "MB"),
        "seconds": (f"{MESSAGES:,} messages", "s"),
    }
    for what, (words, unit) in asked.items():
        ours, stock = (statistics.median(getattr(one, what) for one in taken[who]) for who in taken)
        print(f"  {words}: ours {ours:.1f} {unit}, ssb-server {stock:.1f} {unit}, ratio {ours / stock:.2f}")
        if what in ("peak", "seconds"):
            claim(f"{MESSAGES:,} messages replicated{': memory' * (what == 'peak')}", ours, stock, unit)


async def in_turns(releases: dict[str, Path], taken: dict[str, list[Taken]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with stock(releases["stock"], Path(folder)) as friend:
            async with connect(friend.address, MASTER) as peer:
                await publish(peer, MESSAGES)
            for _ in range(ROUNDS):
                for who, run in (("ours", ours), ("stock", stock)):
                    with tempfile.TemporaryDirectory() as place:
                        async with run(releases[who], Path(place)) as server:
                            taken[who].append(await replicate(server, friend))


async def replicate(server: Server, friend: Server) -> Taken:
    await asyncio.sleep(IDLE)
    idle = peak = server.memory
    async with connect(server.address, MASTER) as peer:
        await peer.call("publish", {"type": "contact", "contact": friend.address.key, "following": True})
        began = time.monotonic()
        await peer.call("gossip.connect", friend.address.multiserver, timeout=60)
        while not await _has_all(peer, friend.address.key):
            assert time.monotonic() < began + MOST_SECONDS, "it does not come to an end"
            peak = max(peak, server.memory)
            await asyncio.sleep(0.1)
        seconds = time.monotonic() - began
    await asyncio.sleep(AFTER)
    return Taken(idle, seconds, peak, server.memory)


async def _has_all(peer: Peer, feed: str) -> bool:
    latest = await peer.call("getLatest", feed, timeout=60)
    return isinstance(latest, dict) and latest["value"]["sequence"] >= MESSAGES


@asynccontextmanager
async def ours(release: Path, folder: Path) -> AsyncIterator[Server]:
    pub = Pub(release, folder, master=[MASTER.id], caps={}).start()
    try:
        yield Server(Address("127.0.0.1", int(pub.config["port"]), pub.id), psutil.Process(pub.process.pid))
    finally:
        pub.kill()


@asynccontextmanager
async def stock(release: Path, folder: Path) -> AsyncIterator[Server]:
    (port,) = free_ports(1)
    (folder / "config").write_text(json.dumps(stock_config(folder, port, MASTER.id)))
    process = start(release, folder)
    try:
        await all_answer([folder], [port], MASTER)
        own = KeyPair.load(folder / "data" / "secret").id
        yield Server(Address("127.0.0.1", port, own), psutil.Process(process.pid))
    finally:
        process.kill()
        process.wait()


if __name__ == "__main__":
    main()
