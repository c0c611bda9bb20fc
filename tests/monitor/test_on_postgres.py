"""Over PostgreSQL: the same as over SQLite, and several monitors side by side."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.monitor.responder import Responder

BOTS = 24
TAKEN_OVER_WITHIN = 30


class Monitors:
    """Monitors over one database, each a process with a home of its own."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url, self.folder = url, folder
        self.running: list[subprocess.Popen[bytes]] = []

    def run(self, *command: str, stdin: str = "") -> None:
        subprocess.run(
            [sys.executable, "-m", *command],
            env=self.environment("setup"),
            input=stdin.encode(),
            check=True,
            timeout=300,
        )

    def start(self) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "butt", "monitor"]
        process = subprocess.Popen(command, env=self.environment(f"home{len(self.running)}"))
        self.running.append(process)
        return process

    def environment(self, home: str) -> dict[str, str]:
        ours = {"BUTT_DATABASE_URL": self.url, "BUTT_HOME": str(self.folder / home)}
        return {k: v for k, v in os.environ.items() if k != "DJANGO_SETTINGS_MODULE"} | ours

    def ask(self, query: str, *values: Any) -> list[Any]:
        with psycopg.connect(self.url) as connection:
            return connection.execute(query, values).fetchall()

    def stop(self) -> None:
        for process in self.running:
            process.terminate()
        for process in self.running:
            process.wait(20)


@pytest.fixture
async def bots() -> AsyncIterator[list[Responder]]:
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(Responder(pause=1)) for _ in range(BOTS)]


async def until(what: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not await asyncio.to_thread(what):
        assert time.monotonic() < deadline, what.__name__
        await asyncio.sleep(0.2)


async def test_two_monitors_share_the_bots_and_one_takes_over_from_one_that_was_killed(
    postgres_url: str, tmp_path: Path, bots: list[Responder]
):
    monitors = Monitors(postgres_url, tmp_path)
    places = json.dumps([[bot.keys.id, "127.0.0.1", bot.port] for bot in bots])
    await asyncio.to_thread(lambda: monitors.run("bench.populate", stdin=places))
    monitors.ask("UPDATE agents_observed SET alive = false RETURNING bot_id")
    first, _second = monitors.start(), monitors.start()
    try:

        def shared() -> bool:
            shares = [row[0] for row in monitors.ask("SELECT watching FROM figures_monitor")]
            return len(shares) == 2 and min(shares) > 0 and sum(shares) == BOTS

        def all_alive() -> bool:
            return monitors.ask("SELECT count(*) FROM agents_observed WHERE alive") == [(BOTS,)]

        await until(shared, 30)
        await until(all_alive, 10)
        first.send_signal(signal.SIGKILL)
        (killed_at,) = monitors.ask("SELECT now()")[0]

        def all_seen_again() -> bool:
            after = "SELECT count(DISTINCT bot_id) FROM figures_sample WHERE at > %s + interval '2 seconds'"
            return monitors.ask(after, killed_at) == [(BOTS,)]

        await until(all_seen_again, TAKEN_OVER_WITHIN)
        assert all_alive(), "nobody was called dead for want of a monitor"
    finally:
        await asyncio.to_thread(monitors.stop)


def test_what_holds_over_sqlite_holds_over_postgresql(postgres_url: str):
    tests = ["samples", "rollups", "outages", "membership", "strange_words"]
    paths = [f"tests/monitor/test_{name}.py" for name in tests] + [
        "tests/public/test_status.py",
        "tests/figures/test_folding.py",
    ]
    environment = os.environ | {"BUTT_DATABASE_URL": postgres_url}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *paths]
    done = subprocess.run(command, check=False, env=environment, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stdout[-5000:]
