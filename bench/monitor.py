"""The monitor with many simulated bots: real handshakes, real streams, real figures every 10 s.

The bots are coroutines in a few processes. Each has a key of its own, and a port of its own on one of a range
of loopback addresses. It prints how much of one core and of memory the monitor uses, how soon it notes
deaths, what it loses, and how the database grows.
"""

import asyncio
import json
import os
import resource
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import cycle, pairwise, takewhile
from pathlib import Path
from typing import Any

import psutil

from bench.claims import claim
from scuttlekit import KeyPair, budget, serve
from scuttlekit.messages import Head, create
from scuttlekit.pub.figures import UNCHANGED

COUNTS = (100, 1_000, 10_000)
PROCESSES = 2
FIRST_PORT, PORTS_EACH = 10_000, 10_000
"""Every bot's port is its own in the whole service; all lie below those that outgoing connections are given."""

EVERY = 10
LOOK = 30
SETTLED = 100
DEATHS = 50
NOTICED_WITHIN = 5
WRITTEN_WITHIN = 30


def main() -> None:
    asyncio.run(bots(*map(int, sys.argv[1:]))) if __name__ == "__main__" else print_all()


@dataclass(frozen=True)
class Found:
    """What watching `count` bots took: share of one core, bytes of memory, bytes of database per second."""

    count: int
    share: float
    memory: int
    grown: float


def print_all() -> None:
    found = [measure(count) for count in COUNTS]
    few, many = found[-2:]
    beside = f"with {few.count:,} bots"
    claim(
        f"monitor's memory a bot, {many.count:,} bots",
        *(one.memory / one.count / 1e3 for one in (many, few)),
        "kB",
        beside,
    )
    claim(
        f"monitor's CPU a bot, {many.count:,} bots",
        *(1e6 * one.share / one.count for one in (many, few)),
        "µs/s",
        beside,
    )
    print("  growth, for each bot that came on top:")
    for few, many in pairwise(found):
        more = many.count - few.count
        share, memory = (many.share - few.share) / more, (many.memory - few.memory) / more
        grown = (many.grown - few.grown) / more
        print(
            f"      {few.count:,} to {many.count:,}: {1e6 * share:.0f} µs of a core a second,"
            f" {memory / 1e3:.1f} kB of memory, {grown:.0f} B/s of database"
        )


class Bots:
    """`count` bots in processes of their own; `places` are their keys and ports."""

    def __init__(self, count: int, *, rest: bool = False) -> None:
        command = [sys.executable, "-m", "bench.monitor", str(count // PROCESSES)]
        self.processes = [
            subprocess.Popen(
                [*command, str(FIRST_PORT + n * PORTS_EACH), str(int(rest))],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for n in range(PROCESSES)
        ]
        self.places = [json.loads(process.stdout.readline()) for process in self.processes]

    def end_some(self, count: int) -> None:
        self.processes[0].stdin.write(f"{count}\n")
        self.processes[0].stdin.flush()

    def pushed(self) -> int:
        """How many figures they have pushed; they are silent afterwards."""
        for process in self.processes:
            process.stdin.close()
        return sum(int(process.stdout.readline()) for process in self.processes)

    def end(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait()


async def latest(keys: KeyPair, _peer: Any, _feed: Any) -> Any:
    """The seventh message of a bot, which shows how far its feed has come."""
    said = create({"type": "post", "text": "hello"}, keys, Head(6, f"%{'a' * 43}=.sha256"), 1.0)
    return {"key": said.key, "value": said.value}


def figures_of(keys: KeyPair, started: str, up: float, busy: float) -> dict[str, Any]:
    """Of a bot that is up and was busy for so many seconds. A bot at rest is the pub that it stands for: it has no traffic."""
    return {
        "launch": 1,
        "id": keys.id,
        "startedAt": started,
        "uptime": up,
        "memory": 80_000_000,
        "bytesIn": int(busy * 900),
        "bytesOut": int(busy * 2100),
        "peers": {"in": 3, "out": 1},
        "disk": 188_416,
        "sequence": 7,
        "messages": 1234,
        "feeds": 12,
        "indexing": {"current": 99, "target": 99},
    }


async def bots(count: int, first_port: int, rests: int = 0) -> None:
    """Serve on ports from `first_port` until standard input ends; a number on it closes so many of them."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    # All bots of a process would share what one pub may hold.
    budget.SHARED.most = sys.maxsize
    pushed, silent = 0, False

    def answers(keys: KeyPair) -> dict[str, Any]:
        started, begun = datetime.now(UTC).isoformat(), time.monotonic()

        async def whoami(_peer: Any) -> Any:
            return {"id": keys.id}

        async def figures(_peer: Any, options: Any) -> AsyncGenerator[Any]:
            nonlocal pushed
            pause, whole = (options["quiet"], options["full"]) if rests else (EVERY, EVERY)
            for place in takewhile(lambda _: not silent, cycle(range(whole // pause))):
                pushed += not place
                up = time.monotonic() - begun
                yield UNCHANGED if place else figures_of(keys, started, up, 0.1 if rests else up)
                await asyncio.sleep(pause)
            await asyncio.sleep(3600)

        async def describe(_peer: Any, _wanted: Any) -> Any:
            return {"sequence": 7}

        async def guests(_peer: Any, *_: Any) -> AsyncGenerator[Any]:
            while True:
                await asyncio.sleep(3600)
                yield None

        return {
            "whoami": whoami,
            "butt.figures": figures,
            "butt.describe": describe,
            "butt.guests": guests,
            "butt.signOuts": guests,
            "getLatest": partial(latest, keys),
        }

    async with AsyncExitStack() as stack:
        places, doors = [], []
        for number in range(count):
            keys = KeyPair.generate()
            host = f"127.0.{os.getpid() % 200 + 1}.{number % 250 + 1}"
            port = await stack.enter_async_context(
                door_of(host, first_port + number, keys, answers(keys), doors)
            )
            places.append([keys.id, host, port])
        print(json.dumps(places), flush=True)
        lines = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(lines), sys.stdin
        )
        while line := await lines.readline():
            await asyncio.gather(*[doors.pop().aclose() for _ in range(int(line))])
        silent = True
        print(pushed, flush=True)
        await asyncio.sleep(3600)


class door_of:  # noqa: N801
    """One bot's server, which may close before the others."""

    def __init__(
        self, host: str, port: int, keys: KeyPair, handlers: dict[str, Any], doors: list[AsyncExitStack]
    ) -> None:
        self.stack, self.serving, self.doors = AsyncExitStack(), serve(host, port, keys, handlers), doors

    async def __aenter__(self) -> int:
        server = await self.stack.enter_async_context(self.serving)
        self.doors.append(self.stack)
        return server.address.port

    async def __aexit__(self, *_: object) -> None:
        pass


def measure(count: int) -> Found:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        environment = {k: v for k, v in os.environ.items() if k != "DJANGO_SETTINGS_MODULE"}
        environment |= {"BUTT_HOME": folder, "BUTT_BILLING": "free"}
        run = [sys.executable, "-m"]
        subprocess.run([*run, "butt", "manage", "migrate", "-v0"], env=environment, check=True)
        crowd = Bots(count)
        try:
            places = json.dumps([place for part in crowd.places for place in part])
            subprocess.run([*run, "bench.populate"], env=environment, input=places, text=True, check=True)
            monitor = subprocess.Popen([*run, "butt", "monitor"], env=environment)
            try:
                return watch(count, psutil.Process(monitor.pid), home / "butt.sqlite3", crowd)
            finally:
                monitor.send_signal(signal.SIGTERM)
                monitor.wait(30)
        finally:
            crowd.end()


def watch(count: int, monitor: psutil.Process, database: Path, crowd: Bots) -> Found:
    began = time.monotonic()
    while alive(database) < count and time.monotonic() < began + SETTLED:
        time.sleep(0.2)
    all_alive = time.monotonic() - began
    seen_alive = alive(database)
    size, memory = weight(database), monitor.memory_info().rss
    samples, used, began = rows(database), sum(monitor.cpu_times()[:2]), time.monotonic()
    time.sleep(LOOK)
    took = time.monotonic() - began
    share = (sum(monitor.cpu_times()[:2]) - used) / took
    made, grown = rows(database) - samples, weight(database) - size
    memory_grown = monitor.memory_info().rss - memory
    crowd.end_some(min(DEATHS, count // PROCESSES))
    time.sleep(NOTICED_WITHIN)
    noticed = seen_alive - alive(database)
    pushed, began = crowd.pushed(), time.monotonic()
    while rows(database) < pushed and time.monotonic() < began + WRITTEN_WITHIN:
        time.sleep(0.2)
    lost, late = pushed - rows(database), time.monotonic() - began
    print(f"  {count:6,} bots: {seen_alive:,} alive after {all_alive:.1f} s")
    print(
        f"      {100 * share:.1f} % of a core, {memory / 1e6:.0f} MB, {memory / count / 1e3:.0f} kB a bot in all"
    )
    print(
        f"      {made / took:.0f} samples/s, {lost} of {pushed:,} lost, the last written after {late:.1f} s"
    )
    print(f"      {noticed} of {min(DEATHS, count // PROCESSES)} deaths noticed within {NOTICED_WITHIN} s")
    print(
        f"      in {took:.0f} s memory grew by {memory_grown / 1e6:.1f} MB, the database by {grown / 1e6:.1f} MB",
        flush=True,
    )
    return Found(count, share, memory, grown / took)


def ask(database: Path, query: str) -> int:
    connection = sqlite3.connect(database, timeout=20)
    try:
        return int(connection.execute(query).fetchone()[0])
    finally:
        connection.close()


def alive(database: Path) -> int:
    return ask(database, "SELECT count(*) FROM agents_observed WHERE alive AND started_at IS NOT NULL")


def rows(database: Path) -> int:
    return ask(database, "SELECT count(*) FROM figures_sample WHERE resolution = 10")


def weight(database: Path) -> int:
    return sum(path.stat().st_size for path in database.parent.glob(f"{database.name}*"))


if __name__ == "__main__":
    main()
