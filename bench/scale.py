"""100,000 bots on 5,000 machines, simulated over PostgreSQL: what each part can do, and which one reaches its
limit first.

The bots and machines are rows and reports. Private servers get machines' reports and requests for pillars as
fast as they answer; the public server gets readers who never pause; stewards get a wave of bots that are all
due at once. First one of each runs, then two. All of them share this machine with the database and the
callers, so each is limited to a share of one core: then each is its own limit, and two do twice as much
unless they wait for each other. Where they cannot be limited, the CPU time of each answer says what two could
do on cores of their own. Meanwhile it is sampled how many statements wait for a lock of the database. What a
monitor uses is measured by `monitor` and `rest`. With a number, it takes so many machines: `python -m
bench.scale 500`.
"""

import http.client
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count

import psutil
import psycopg

from bench.claims import claim
from bench.load import WARM, listens, read
from bench.populate import EACH_MACHINE
from bench.rest import cpu, ended
from bench.runs import end_in_order, progress
from bench.shares import limited
from tests.lanes import free_ports
from tests.postgres import cluster
from tests.service import wait_for

MACHINES = 5_000
SECONDS, FIRST_SECONDS, CLIENTS = 10.0, 2.0, 8
SHARE = 0.2
"""Of one core, for each process that is measured."""

WAVE, FIRST_WAVE, WAVE_WITHIN = 600, 60, 120
EVERY = 60.0
"""Seconds between two reports of a machine, and between two requests for its pillar."""

PORTS = 65_535 - 1_023
"""As many as there are: each bot of a service has its own."""

LOOK_EVERY = 0.05
TOKEN = "bench"

Start = Callable[[int], AbstractContextManager[psutil.Process]]
"""Starts a part, given a port; yields once it is ready."""

Ask = Callable[[list[int], bool], tuple[int, float]]
"""Has parts that listen on these ports do their work, a little of it if it is the first: how much was done, in how many
seconds.
"""


def main() -> None:
    is_alone = sys.argv[0].endswith("scale.py") and len(sys.argv) > 1
    machines = int(sys.argv[1]) if is_alone else MACHINES
    with ExitStack() as stack:
        home, url = stack.enter_context(tempfile.TemporaryDirectory()), stack.enter_context(cluster())
        environment = {k: v for k, v in os.environ.items() if k != "DJANGO_SETTINGS_MODULE"}
        environment |= {"BUTT_HOME": home, "BUTT_DATABASE_URL": url, "BUTT_BILLING": "free"}
        environment |= {"BUTT_HOST": "salt", "BUTT_SALT": "master", "BUTT_PRIVATE_TOKEN": TOKEN}
        run = [sys.executable, "-m"]
        subprocess.run([*run, "butt", "manage", "migrate", "-v0"], env=environment, check=True)
        progress(f"making {machines * EACH_MACHINE:,} bots on {machines:,} machines")
        began = time.monotonic()
        fill = [*run, "bench.scale_rows", str(machines)]
        made = subprocess.run(fill, env=environment, check=True, stdout=subprocess.PIPE)
        progress(f"they are made after {time.monotonic() - began:.0f} s")
        cookie, told = json.loads(made.stdout)

        @contextmanager
        def server(port: int, part: str, option: str) -> Iterator[psutil.Process]:
            with ended(subprocess.Popen([*run, "butt", part, option, str(port)], env=environment)) as process:
                wait_for(lambda: listens(port))
                yield psutil.Process(process.pid)

        @contextmanager
        def steward(_: int) -> Iterator[psutil.Process]:
            before = stewards(url)
            with ended(subprocess.Popen([*run, "butt", "steward"], env=environment)) as process:
                wait_for(lambda: stewards(url) > before)
                yield psutil.Process(process.pid)

        def private(port: int) -> AbstractContextManager[psutil.Process]:
            return server(port, "private", "--private-port")

        def public(port: int) -> AbstractContextManager[psutil.Process]:
            return server(port, "public", "--port")

        needs(
            machines,
            reports=doubled("reports of 20 bots", url, private, lambda *asked: send(told, *asked)),
            pillars=doubled("pillars of 20 bots", url, private, lambda *asked: fetch(told, *asked)),
            pages=doubled("pages of 20 bots", url, public, lambda *asked: pages(cookie, *asked)),
            looks=doubled("bots of a wave", url, steward, lambda *asked: wave(url, *asked)),
        )


def needs(machines: int, *, reports: float, pillars: float, pages: float, looks: float) -> None:
    """What so many bots need of each part, given the CPU seconds of one report, pillar, page and look."""
    each_second, bots = machines / EVERY, machines * EACH_MACHINE
    print(f"  {bots:,} bots on {machines:,} machines need:")
    private = 100 * each_second * (reports + pillars)
    print(
        f"    of private servers {private:.0f} % of a core, for {each_second:.0f} reports and pillars a second"
    )
    print(f"    of public servers a core for each {1 / pages:.0f} pages a second")
    print(f"    of stewards {bots * looks:.0f} s of a core for a look at every bot")
    print(f"    {bots:,} ports of the {PORTS:,} that there are", flush=True)
    claim(f"reports and pillars of {machines:,} machines, of a core", private, 100, "%", "one core")
    claim(f"ports of {bots:,} bots", bots, PORTS, "ports", "all")


def doubled(what: str, url: str, start: Start, ask: Ask) -> float:
    """Print what one process does in a second, and what two do. Returns the CPU seconds that one takes for each."""
    ports, parts = free_ports(2), list[psutil.Process]()
    paces, costs = list[float](), list[float]()
    with ExitStack() as stack:
        for port in ports:
            parts.append(stack.enter_context(start(port)))
            asked = ports[: len(parts)]
            ask(asked, True)
            is_limited = stack.enter_context(limited(parts[-1], SHARE))
            before = sum(map(cpu, parts))
            with locks(url) as seen:
                number, took = ask(asked, False)
            paces.append(number / took)
            costs.append((sum(map(cpu, parts)) - before) / number)
            print(
                f"  {what}: {'one' if len(parts) == 1 else 'two'} {paces[-1]:.1f} a second,"
                f" {1000 * costs[-1]:.2f} ms of the processor each,"
                f" {100 * seen.waiting / max(1, seen.active):.1f} % of statements waiting for a lock",
                flush=True,
            )
    by_cpu = 2 * costs[0] / costs[1]
    print(f"    two do {paces[1] / paces[0]:.2f} times as much as one; by their CPU time, {by_cpu:.2f} times")
    if is_limited:
        claim(f"{what}, by two with a fifth of a core each", paces[1], paces[0], "a second", "by one")
    else:
        print(
            "    no process could be limited to a share of a core here, so only the CPU time counts",
            flush=True,
        )
    return costs[0]


@dataclass
class Locks:
    """How many statements ran at the moments that were looked at, and how many of them waited for a lock."""

    active: int = 0
    waiting: int = 0
    over: threading.Event = field(default_factory=threading.Event)

    def look(self, url: str) -> None:
        with psycopg.connect(url, autocommit=True) as database:
            while not self.over.wait(LOOK_EVERY):
                found = database.execute(
                    "SELECT count(*), count(*) FILTER (WHERE wait_event_type = 'Lock') FROM pg_stat_activity"
                    " WHERE state = 'active' AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
                ).fetchone()
                active, waiting = found or (0, 0)
                self.active += active
                self.waiting += waiting


@contextmanager
def locks(url: str) -> Iterator[Locks]:
    seen = Locks()
    thread = threading.Thread(target=seen.look, args=[url])
    thread.start()
    try:
        yield seen
    finally:
        seen.over.set()
        thread.join()


def pages(cookie: str, ports: list[int], is_first: bool) -> tuple[int, float]:
    seconds = FIRST_SECONDS if is_first else SECONDS
    took, _ = read(ports, "/bots", f"Cookie: butt={cookie}", CLIENTS, seconds)
    # Those that were read to warm up took CPU time too.
    return round(len(took) * (seconds + WARM) / seconds), seconds + WARM


def send(told: dict[str, list[str]], ports: list[int], is_first: bool) -> tuple[int, float]:
    def report(connection: http.client.HTTPConnection, name: str) -> int:
        bots = {bot: {"launch": 1, "running": True} for bot in told[name]}
        facts = {"diskFree": random.randrange(10**9, 10**10), "diskTotal": 10**11}
        said = {"schema": 1, "complete": True, "generation": 1, "bots": bots, "facts": facts}
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
        connection.request("POST", f"/agents/{name}/report", json.dumps(said), headers)
        return 204

    return _machines(report, list(told), ports, is_first)


def fetch(told: dict[str, list[str]], ports: list[int], is_first: bool) -> tuple[int, float]:
    def pillar(connection: http.client.HTTPConnection, name: str) -> int:
        connection.request("GET", f"/agents/{name}", headers={"Authorization": f"Bearer {TOKEN}"})
        return 200

    return _machines(pillar, list(told), ports, is_first)


def _machines(
    ask: Callable[[http.client.HTTPConnection, str], int], names: list[str], ports: list[int], is_first: bool
) -> tuple[int, float]:
    """Several machines at once ask as fast as they are answered; `ask` returns the status that it expects."""
    began, numbers = time.monotonic(), count()
    end = began + (FIRST_SECONDS if is_first else SECONDS)

    def machine(client: int) -> int:
        sent = 0
        connection = http.client.HTTPConnection("127.0.0.1", ports[client % len(ports)], timeout=30)
        while time.monotonic() < end:
            expected = ask(connection, names[(next(numbers) * 7919) % len(names)])
            answer = connection.getresponse()
            answer.read()
            assert answer.status == expected, answer.status
            sent += 1
        connection.close()
        return sent

    with ThreadPoolExecutor(CLIENTS) as pool:
        number = sum(pool.map(machine, range(CLIENTS)))
    return number, time.monotonic() - began


def wave(url: str, _: list[int], is_first: bool) -> tuple[int, float]:
    """Stewards look at bots that are all due at once."""
    size = FIRST_WAVE if is_first else WAVE
    with psycopg.connect(url, autocommit=True) as database:
        some = "SELECT bot_id FROM agents_progress ORDER BY bot_id LIMIT %s"
        database.execute(f"UPDATE agents_progress SET due_at = now() WHERE bot_id IN ({some})", (size,))
        database.execute("SELECT pg_notify('butt', 'agents_progress due_at')")
        began = time.monotonic()
        wait_for(lambda: _due(database) == 0, WAVE_WITHIN)
        return size, time.monotonic() - began


def stewards(url: str) -> int:
    """How many are alive."""
    with psycopg.connect(url) as database:
        found = database.execute("SELECT count(*) FROM beats_beat WHERE part = 'steward'").fetchone()
        return found[0] if found else 0


def _due(database: "psycopg.Connection[tuple[int]]") -> int:
    # Those that a steward works on are put off by a lease of ten seconds.
    found = database.execute(
        "SELECT count(*) FROM agents_progress WHERE due_at < now() + interval '11 seconds'"
    ).fetchone()
    return found[0] if found else 0


if __name__ == "__main__":
    end_in_order()
    main()
