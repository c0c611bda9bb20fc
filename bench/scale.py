"""100,000 bots on 5,000 machines, simulated over PostgreSQL: what each part can do, and which one reaches its
limit first.

The bots and machines are rows and reports. Private servers get machines' reports as fast as they accept them;
stewards get a wave of bots that are all due at once; the public server gets readers who never pause. First
one of each runs, then two. They share this machine with the database and the callers, so the CPU time of each
is given as well. What a monitor uses is measured by `monitor` and `rest`.
"""

import http.client
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import count

import django
import psutil
import psycopg

from bench.claims import claim
from bench.load import WARM, listens, read
from bench.rest import cpu, ended
from tests.lanes import free_ports
from tests.postgres import cluster
from tests.service import wait_for

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "butt.settings")

MACHINES, EACH = 5_000, 20
BOTS = MACHINES * EACH
CHUNK = 10_000
WAVE = 1_000
SECONDS, CLIENTS, STARTS = 10.0, 8, 8.0
EVERY = 60.0
"""Seconds between two reports of a machine."""

TOKEN = "bench"


def main() -> None:
    fill() if sys.argv[1:] == ["fill"] and __name__ == "__main__" else measure()


def fill() -> None:
    """Make all rows. Prints the reader's cookie, and each machine's name with its bots."""
    django.setup()
    from datetime import timedelta

    from django.db import connection
    from django.utils import timezone

    from bench.readers import cookie_of
    from butt.agents.models import Agent, Belongs, Observed, Progress, Wanted
    from butt.agents.states import State
    from butt.hosts.salt.offers import offer
    from butt.machines.models import Machine, Placement
    from butt.machines.reports import SeenBot
    from butt.sources.builder import shelve
    from butt.sources.places import pub_source
    from butt.sources.releases import build
    from tests.people import account, ssb_id

    made = build(pub_source())
    shelve(made)
    # It is packed once for all machines.
    offer(made.key)
    order = {"bind": "::", "address": "a", "port": 1, "release": made.key, "masters": [], "on_trial": False}
    reader = account("reader")
    people = [Agent(type=Agent.Type.PERSON, name=f"person {number}") for number in range(MACHINES - 1)]
    Agent.objects.bulk_create(people, CHUNK)
    owners = [reader.agent, *people]
    plain = {"state": "ready", "generation": 1, "seen_generation": 1}
    machines = Machine.objects.bulk_create([Machine(person=owner, **plain) for owner in owners], CHUNK)
    # As it is saved of such a report: otherwise the first one of each machine would change all its rows, and wake a steward.
    seen = SeenBot(launch=1, running=True).model_dump(mode="json", exclude={"ssbId"})
    now, told = timezone.now(), dict[str, list[str]]()
    for start in range(0, BOTS, CHUNK):
        some = range(start, start + CHUNK)
        bots = [Agent(type=Agent.Type.BOT, name=f"bot{number}", service="pub") for number in some]
        Agent.objects.bulk_create(bots)
        numbered = list(zip(some, bots, strict=True))
        Belongs.objects.bulk_create(
            Belongs(source_agent=bot, target_agent=owners[n // EACH], pays=True) for n, bot in numbered
        )
        Wanted.objects.bulk_create(Wanted(bot=bot) for bot in bots)
        Observed.objects.bulk_create(Observed(bot=bot, alive=True, launch=1) for bot in bots)
        Progress.objects.bulk_create(
            Progress(
                bot=bot,
                state=State.ALIVE,
                launch=1,
                address="127.0.0.1",
                ssb_id=ssb_id(n),
                release=made.key,
                due_at=now + timedelta(seconds=600 + n % 6000),
            )
            for n, bot in numbered
        )
        Placement.objects.bulk_create(
            Placement(
                bot=bot,
                machine=machines[n // EACH],
                run=True,
                launch=1,
                generation=1,
                order=order,
                seen=seen,
                ssb_id=ssb_id(n),
            )
            for n, bot in numbered
        )
        for n, bot in numbered:
            told.setdefault(machines[n // EACH].minion_id, []).append(str(bot.id))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    print(json.dumps([cookie_of(reader), told]))


def measure() -> None:
    with ExitStack() as stack:
        home, url = stack.enter_context(tempfile.TemporaryDirectory()), stack.enter_context(cluster())
        environment = {k: v for k, v in os.environ.items() if k != "DJANGO_SETTINGS_MODULE"}
        environment |= {"BUTT_HOME": home, "BUTT_DATABASE_URL": url, "BUTT_BILLING": "free"}
        environment |= {"BUTT_HOST": "salt", "BUTT_SALT": "master", "BUTT_PRIVATE_TOKEN": TOKEN}
        run = [sys.executable, "-m"]
        subprocess.run([*run, "butt", "manage", "migrate", "-v0"], env=environment, check=True)
        began = time.monotonic()
        filled = subprocess.run(
            [*run, "bench.scale", "fill"], env=environment, check=True, capture_output=True
        )
        print(
            f"  {BOTS:,} bots on {MACHINES:,} machines, made in {time.monotonic() - began:.0f} s", flush=True
        )
        cookie, told = json.loads(filled.stdout)

        def start(part: str, *options: str) -> psutil.Process:
            process = subprocess.Popen([*run, "butt", part, *options], env=environment)
            return psutil.Process(stack.enter_context(ended(process)).pid)

        needed = MACHINES / EVERY
        reports = doubled(
            "reports of 20 bots",
            lambda port: start("private", "--private-port", str(port)),
            lambda ports: send(ports, told),
        )
        print(f"    needed are {needed:.0f} a second: {100 * needed * reports:.0f} % of a core", flush=True)
        claim(f"reports of {MACHINES:,} machines, of a core", 100 * needed * reports, 100, "%", "one core")
        doubled(
            "pages of 20 bots",
            lambda port: start("public", "--port", str(port)),
            lambda ports: pages(ports, cookie),
        )
        doubled("bots of a wave", lambda _: start("steward"), lambda _: wave(url), has_port=False)


def doubled(
    what: str,
    start: Callable[[int], psutil.Process],
    ask: Callable[[list[int]], tuple[float, int]],
    *,
    has_port: bool = True,
) -> float:
    """How many per second one process does, and then two; the CPU seconds that one takes for each. `ask`
    returns how many per second were done, and how many in all.
    """
    ports, parts = free_ports(2), list[psutil.Process]()
    paces, costs = list[float](), list[float]()
    for port in ports:
        parts.append(start(port))
        if has_port:
            wait_for(lambda port=port: listens(port))  # type: ignore[misc]
        else:
            time.sleep(STARTS)
        before = sum(map(cpu, parts))
        pace, number = ask(ports[: len(parts)])
        paces.append(pace)
        costs.append((sum(map(cpu, parts)) - before) / number)
        words = "one" if len(parts) == 1 else f"two, {pace / paces[0]:.2f} times that,"
        print(
            f"  {what}: {words} {pace:.0f} a second, {1000 * costs[-1]:.2f} ms of the processor each",
            flush=True,
        )
    return costs[0]


def pages(ports: list[int], cookie: str) -> tuple[float, int]:
    """Pages per second; the warm-up counts in the total."""
    took, _ = read(ports, "/bots", f"Cookie: butt={cookie}", CLIENTS, SECONDS)
    return len(took) / SECONDS, round(len(took) * (SECONDS + WARM) / SECONDS)


def send(ports: list[int], told: dict[str, list[str]]) -> tuple[float, int]:
    """Accepted reports per second."""
    names, end, numbers = list(told), time.monotonic() + SECONDS, count()

    def machine(client: int) -> int:
        sent = 0
        connection = http.client.HTTPConnection("127.0.0.1", ports[client % len(ports)], timeout=30)
        while time.monotonic() < end:
            name = names[(next(numbers) * 7919) % len(names)]
            bots = {bot: {"launch": 1, "running": True} for bot in told[name]}
            facts = {"diskFree": random.randrange(10**9, 10**10), "diskTotal": 10**11}
            said = {"schema": 1, "complete": True, "generation": 1, "bots": bots, "facts": facts}
            headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
            connection.request("POST", f"/agents/{name}/report", json.dumps(said), headers)
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 204, answer.status
            sent += 1
        connection.close()
        return sent

    with ThreadPoolExecutor(CLIENTS) as pool:
        number = sum(pool.map(machine, range(CLIENTS)))
    return number / SECONDS, number


def wave(url: str) -> tuple[float, int]:
    """Bots per second that stewards look at, when many are due at once."""
    with psycopg.connect(url, autocommit=True) as database:
        took = []
        for _ in range(2):
            some = "SELECT bot_id FROM agents_progress ORDER BY bot_id LIMIT %s"
            database.execute(f"UPDATE agents_progress SET due_at = now() WHERE bot_id IN ({some})", (WAVE,))
            database.execute("SELECT pg_notify('butt', 'agents_progress due_at')")
            began = time.monotonic()
            wait_for(lambda: _due(database) == 0, 120)
            took.append(time.monotonic() - began)
    return WAVE / statistics.median(took), WAVE * len(took)


def _due(database: "psycopg.Connection[tuple[int]]") -> int:
    # Those that a steward works on are put off by a lease of ten seconds.
    row = database.execute(
        "SELECT count(*) FROM agents_progress WHERE due_at < now() + interval '11 seconds'"
    ).fetchone()
    return row[0] if row else 0


if __name__ == "__main__":
    main()
