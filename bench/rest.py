"""What the control plane uses while nothing happens: all four parts, with bots that are alive and do nothing.

The bots are simulated as in `bench.monitor`: each has its own key and port, real handshakes and real figures.
What they use themselves is not counted. On `processes`, a stand-in for supervisord says that all of them run;
on machines, their rows say so. With a number and a host, it measures only that: `python -m bench.rest 1000
processes`.
"""

import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
import xmlrpc.client
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from socketserver import ThreadingMixIn, UnixStreamServer
from threading import Thread
from typing import Any
from xmlrpc.server import SimpleXMLRPCDispatcher, SimpleXMLRPCRequestHandler

import psutil
import psycopg

from bench.claims import claim
from bench.load import listens
from bench.monitor import Bots
from bench.runs import end_in_order, progress
from tests.lanes import free_ports
from tests.postgres import cluster
from tests.service import wait_for

PARTS = ("public", "private", "steward", "monitor")
RUNS = (
    (10, "processes", 3.0),
    (1_000, "processes", 3.0),
    (10, "salt", 5.0),
    (10_000, "salt", 5.0),
)
"""How many bots, how they run, and how much of a core all parts together may take, in percent."""

LOOKS = ((100, 10, 20), (1_000, 10, 60), (10_000, 90, 180))
"""For up to so many bots: seconds that the parts have to finish what a start brings, and seconds to measure. In that
time, each bot sends its figures as often as the others.
"""
ALIVE_WITHIN, TELL_EVERY = 240.0, 10.0
ALIVE = """
    SELECT count(*) FROM agents_progress JOIN agents_observed USING (bot_id)
    WHERE state = 'alive' AND alive AND started_at IS NOT NULL
"""

RUNNING = 20
"""Supervisord's number for it."""


def main() -> None:
    if len(sys.argv) > 2 and sys.argv[0].endswith("rest.py"):
        count, host = int(sys.argv[1]), sys.argv[2]
        measure(count, host, next(goal for _, name, goal in RUNS if name == host))
        return
    stewards: dict[str, float] = {}
    for count, host, goal in RUNS:
        took = measure(count, host, goal)
        if host not in stewards:
            stewards[host] = took["steward"]
            continue
        claim(
            f"{count:,} bots at rest, {host}: all parts, of a core", sum(took.values()), goal, "%", "the goal"
        )
        claim(
            f"the steward's CPU beside {count:,} bots at rest, {host}",
            *(took["steward"], stewards[host]),
            "%",
            "10 bots",
        )


def measure(count: int, host: str, goal: float) -> dict[str, float]:
    """Percent of one core that each part used."""
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url = stack.enter_context(cluster()) if host == "salt" else None
        public, private = free_ports(2)
        environment = {k: v for k, v in os.environ.items() if k != "DJANGO_SETTINGS_MODULE"}
        environment |= {"BUTT_HOME": str(home), "BUTT_BILLING": "free", "BUTT_HOST": host}
        environment |= {"BUTT_PORT": str(public), "BUTT_PRIVATE_PORT": str(private)}
        environment |= {"BUTT_DATABASE_URL": url, "BUTT_SALT": "master"} if url else {}
        run = [sys.executable, "-m"]
        progress(f"making {count:,} bots, {host}")
        subprocess.run([*run, "butt", "manage", "migrate", "-v0"], env=environment, check=True)
        crowd = Bots(count, rest=True)
        stack.callback(crowd.end)
        places = json.dumps([place for part in crowd.places for place in part])
        subprocess.run(
            [*run, "bench.populate", "--rest"], env=environment, input=places, text=True, check=True
        )
        if host == "processes":
            stack.enter_context(all_run(home / "supervisor"))
        parts = {
            part: stack.enter_context(ended(subprocess.Popen([*run, "butt", part], env=environment)))
            for part in PARTS
        }
        wait_for(lambda: listens(public) and listens(private))
        settle(home, url, count)
        return look(count, host, goal, {part: psutil.Process(parts[part].pid) for part in parts})


def settle(home: Path, url: str | None, count: int) -> None:
    """Wait until all are alive, telling now and then how many are."""
    began = told = time.monotonic()
    while (alive := number(ALIVE, home, url)) < count:
        now = time.monotonic()
        assert now < began + ALIVE_WITHIN, f"only {alive:,} of {count:,} bots are alive"
        if now >= told + TELL_EVERY:
            progress(f"{alive:,} of {count:,} bots are alive after {now - began:.0f} s")
            told = now
        time.sleep(0.5)
    progress(f"all {count:,} bots are alive after {time.monotonic() - began:.0f} s")


def number(query: str, home: Path, url: str | None) -> int:
    """The answer of the database to a query for one number."""
    if url is None:
        with closing(sqlite3.connect(home / "butt.sqlite3", timeout=20)) as database:
            return int(database.execute(query).fetchone()[0])
    with psycopg.connect(url) as connection:
        row = connection.execute(query).fetchone()
        return int(row[0]) if row else 0


def look(count: int, host: str, goal: float, parts: dict[str, psutil.Process]) -> dict[str, float]:
    settles, seconds = next(times for most, *times in LOOKS if count <= most)
    time.sleep(settles)
    before = {part: cpu(process) for part, process in parts.items()}
    began = time.monotonic()
    time.sleep(seconds)
    took = time.monotonic() - began
    shares = {part: 100 * (cpu(process) - before[part]) / took for part, process in parts.items()}
    memory = sum(process.memory_full_info().pss for process in parts.values()) / 1e6
    each = ", ".join(f"{part} {share:.2f}" for part, share in shares.items())
    held = "kept" if sum(shares.values()) <= goal else "missed"
    print(
        f"  {count:6,} bots, {host + ':':10} {sum(shares.values()):.2f} % of a core ({each}),"
        f" {memory:.0f} MB; the goal of {goal:.0f} % is {held}",
        flush=True,
    )
    return shares


def cpu(process: psutil.Process) -> float:
    """CPU seconds of the process and its threads, without those of its children."""
    return sum(process.cpu_times()[:2])


@contextmanager
def ended(process: "subprocess.Popen[bytes]") -> Iterator["subprocess.Popen[bytes]"]:
    """It ends when the block does."""
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class _Requests(SimpleXMLRPCRequestHandler):
    rpc_paths = ()
    disable_nagle_algorithm = False

    def log_message(self, *_: object) -> None:
        pass


class _Server(ThreadingMixIn, UnixStreamServer, SimpleXMLRPCDispatcher):
    daemon_threads = True

    def __init__(self, socket: Path) -> None:
        SimpleXMLRPCDispatcher.__init__(self, allow_none=True)
        self.logRequests = False
        UnixStreamServer.__init__(self, str(socket), _Requests)

    def _dispatch(self, method: str, params: Any) -> Any:
        if method == "supervisor.getState":
            return {"statecode": 1, "statename": "RUNNING"}
        if method == "supervisor.getProcessInfo":
            return {"name": params[0], "state": RUNNING, "start": 0, "exitstatus": 0}
        if method == "system.multicall":
            return [self._dispatch(call["methodName"], call["params"]) for call in params[0]]
        raise xmlrpc.client.Fault(1, f"{method} was not expected of bots at rest")


@contextmanager
def all_run(folder: Path) -> Iterator[None]:
    """A stand-in for supervisord under which every bot runs."""
    folder.mkdir(parents=True, exist_ok=True)
    server = _Server(folder / "socket")
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


if __name__ == "__main__":
    end_in_order()
    main()
