"""Machines that ask for their pillar once a minute each, over a real private server and PostgreSQL.

They ask at even intervals, however long the answers take, and each answer is timed from when it was due.
Beside it is the same server's 401, which needs no query.
"""

import http.client
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle

from bench.claims import claim
from tests.lanes import free_ports
from tests.postgres import cluster
from tests.service import wait_for

COUNTS = (100, 1_000, 10_000)
SECONDS = 20
THREADS = 16
TOKEN = "bench"


def main() -> None:
    if __name__ == "__main__":
        populate(int(sys.argv[1]))
        return
    for count in COUNTS:
        with tempfile.TemporaryDirectory() as home, cluster() as url:
            measure(count, home, url)


def populate(count: int) -> None:
    """This many machines with two bots each. Prints their names, one per line."""
    import django

    django.setup()
    from butt.agents.models import Agent
    from butt.machines.models import Machine, Placement

    order = {
        "bind": "::",
        "address": "a.example.org",
        "port": 1,
        "release": "r",
        "masters": [],
        "sequence": 0,
    }
    machines = Machine.objects.bulk_create([Machine(state="ready", generation=1) for _ in range(count)], 500)
    names = (f"bot{number}" for number in range(2 * count))
    bots = Agent.objects.bulk_create([Agent(type="bot", name=name, service="pub") for name in names], 500)
    plain = {"run": True, "launch": 1, "generation": 1, "order": order}
    rows = [Placement(bot=bot, machine=machines[n // 2], **plain) for n, bot in enumerate(bots)]
    Placement.objects.bulk_create(rows, 500)
    print("\n".join(machine.minion_id for machine in machines))


def measure(count: int, home: str, url: str) -> None:
    (port,) = free_ports(1)
    settings = {"DATABASE_URL": url, "HOME": home, "PRIVATE_TOKEN": TOKEN, "PRIVATE_PORT": str(port)}
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "butt.settings"}
    environment |= {f"BUTT_{name}": value for name, value in settings.items()}
    butt = [sys.executable, "-m", "butt"]
    subprocess.run([*butt, "manage", "migrate"], env=environment, check=True, stdout=subprocess.DEVNULL)
    made = [sys.executable, "-m", "bench.pillars", str(count)]
    names = subprocess.run(made, env=environment, check=True, capture_output=True, text=True).stdout.split()
    server = subprocess.Popen([*butt, "private"], env=environment, stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: _is_up(port))
        rate = count / 60
        _ask(port, names[:500], TOKEN, min(rate, 50), 5)
        floor = _ask(port, names, "wrong", rate, SECONDS)
        asked = _ask(port, names, TOKEN, rate, SECONDS)
    finally:
        server.terminate()
        server.wait()
    claim(
        f"a pillar, p99, {count:,} machines",
        *(1000 * _p99(one) for one in (asked, floor)),
        "ms",
        "a refused call",
    )
    print(
        f"  {count:6} machines, {rate:5.1f} a second: {_show(asked)}; floor (401): {_show(floor)}", flush=True
    )


def _ask(port: int, names: list[str], token: str, rate: float, seconds: int) -> list[float]:
    began, took = time.monotonic(), []
    due = iter([began + n / rate for n in range(int(rate * seconds))])
    whom = cycle(names)
    status = 200 if token == TOKEN else 401

    def machines(_: int) -> None:
        while at := next(due, None):
            path = f"/agents/{next(whom)}"
            time.sleep(max(0, at - time.monotonic()))
            # A new connection each time, because the master's pillar makes one too.
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
            connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
            answer = connection.getresponse()
            answer.read()
            assert answer.status == status, answer.status
            connection.close()
            took.append(time.monotonic() - at)

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(machines, range(THREADS)))
    return sorted(took)


def _show(took: list[float]) -> str:
    return f"median {took[len(took) // 2] * 1000:.1f} ms, p99 {_p99(took) * 1000:.1f} ms of {len(took)}"


def _p99(took: list[float]) -> float:
    return took[min(len(took) - 1, int(len(took) * 0.99))]


def _is_up(port: int) -> bool:
    try:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
        connection.request("GET", "/agents/x")
        return connection.getresponse().status == 401
    except OSError:
        return False


if __name__ == "__main__":
    main()
