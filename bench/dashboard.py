"""The dashboard on PostgreSQL, read by 20 people at once, from a real `butt public` for each core.

Readers, servers and database share this machine, so the figures include what the readers themselves use. The
floor is `/up`, a page that needs no query; the same person's page without bots shows what Django takes. First
the readers pause at each page, as the quickest people do; then they do not pause at all, which shows how much
the servers can do.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile

from bench.claims import claim
from bench.load import listens, read
from bench.readers import ALL_BOTS, BOTS
from tests.lanes import free_ports
from tests.postgres import cluster
from tests.service import wait_for

READERS = 20
SECONDS = 6
ROUNDS = 3
GOAL = 0.100
SERVERS = os.cpu_count() or 1
PAUSES = {"who look at it for 0.2 s": 0.2, "who do not pause": 0.0}


def main() -> None:
    with tempfile.TemporaryDirectory() as home, cluster() as database:
        ports = free_ports(SERVERS)
        environment = {k: v for k, v in os.environ.items() if k != "DJANGO_SETTINGS_MODULE"}
        environment |= {"BUTT_HOME": home, "BUTT_DATABASE_URL": database, "BUTT_BILLING": "free"}
        run = [sys.executable, "-m"]
        subprocess.run([*run, "butt", "manage", "migrate", "-v0"], env=environment, check=True)
        filled = subprocess.run(
            [*run, "bench.readers"], env=environment, check=True, text=True, stdout=subprocess.PIPE
        )
        with_bots, without = json.loads(filled.stdout)
        servers = [
            subprocess.Popen([*run, "butt", "public", "--port", str(port)], env=environment) for port in ports
        ]
        try:
            wait_for(lambda: all(map(listens, ports)))
            for who, pause in PAUSES.items():
                print(f"  {BOTS} bots of {ALL_BOTS:,}, {SERVERS} servers, {READERS} readers at once {who}:")
                rounds = [a_round(ports, without, with_bots, pause) for _ in range(ROUNDS)]
                (median, p95), (empty, _) = (middle_of(rounds, place) for place in (2, 1))
                what = f"{BOTS} bots of {ALL_BOTS:,}, readers {who}"
                claim(what, 1000 * median, 1000 * empty, "ms", "no bots")
                claim(f"{what}, p95", 1000 * p95, 1000 * GOAL, "ms", "the goal")
        finally:
            for server in servers:
                server.terminate()
            for server in servers:
                server.wait(20)


def a_round(ports: list[int], without: str, with_bots: str, pause: float) -> list[tuple[float, float]]:
    """Median and p95 in seconds of the floor, of the page without bots, and of the one with them."""
    floor = show(ports, "/up", "", "/up", pause)
    return [
        floor,
        show(ports, "/bots", without, "no bots on the page", pause, floor[0]),
        show(ports, "/bots", with_bots, f"{BOTS} bots on the page", pause, floor[0]),
    ]


def middle_of(rounds: list[list[tuple[float, float]]], place: int) -> tuple[float, float]:
    """Those of the round with the median p95: one that something else on the machine disturbed does not count."""
    return sorted((one[place] for one in rounds), key=lambda seen: seen[1])[len(rounds) // 2]


def show(
    ports: list[int], path: str, cookie: str, what: str, pause: float, floor: float | None = None
) -> tuple[float, float]:
    took, size = read(ports, path, f"Cookie: butt={cookie}", READERS, SECONDS, pause)
    middle, p95 = statistics.median(took), statistics.quantiles(took, n=20)[-1]
    beside = f", {middle / floor:.1f} times /up" if floor else ""
    held = "" if not floor else f" (the goal of {1000 * GOAL:.0f} ms is {'kept' if p95 < GOAL else 'missed'})"
    print(
        f"    {what + ':':24} median {1000 * middle:.1f} ms, p95 {1000 * p95:.1f} ms{held},"
        f" {len(took) / SECONDS:.0f} pages/s of {size / 1000:.0f} kB{beside}",
        flush=True,
    )
    return middle, p95


if __name__ == "__main__":
    main()
