"""The dashboard, the API and the pillar under load, from 10 bots to 10,000, on SQLite and on PostgreSQL.

The person who asks always has 10 bots: more bots of others should cost them nothing. 8 readers ask without a
pause, so a figure says how much the server can do. `growth` compares it with the figure for 10 bots in all on
the same database.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from bench.claims import claim
from bench.load import listens, read
from tests.lanes import free_ports
from tests.postgres import cluster
from tests.service import wait_for

COUNTS = (10, 1_000, 10_000)
READERS, SECONDS = 8, 4
TOKEN = "bench"


@contextmanager
def sqlite() -> Iterator[None]:
    yield None


def main() -> None:
    for name, database in (("SQLite", sqlite), ("PostgreSQL", cluster)):
        few: dict[str, float] = {}
        for count in COUNTS:
            with tempfile.TemporaryDirectory() as home, database() as url:
                found = measure(count, home, url)
            for what, took in found.items():
                middle, p95 = statistics.median(took), statistics.quantiles(took, n=20)[-1]
                if count == COUNTS[-1]:
                    claim(
                        f"{what} of 10 bots among {count:,}, {name}",
                        1000 * middle,
                        1000 * few[what],
                        "ms",
                        "10 in all",
                    )
                growth = middle / few.setdefault(what, middle)
                print(
                    f"  {name + ',':11} {count:6,} bots, {what + ':':10} median {1000 * middle:5.1f} ms,"
                    f" p95 {1000 * p95:5.1f} ms, {len(took) / SECONDS:4.0f} a second, growth {growth:.2f}",
                    flush=True,
                )


def measure(count: int, home: str, url: str | None) -> dict[str, list[float]]:
    public, private = free_ports(2)
    environment = {k: v for k, v in os.environ.items() if k != "DJANGO_SETTINGS_MODULE"}
    environment |= {"BUTT_HOME": home, "BUTT_BILLING": "free", "BUTT_PRIVATE_TOKEN": TOKEN}
    environment |= {"BUTT_PRIVATE_PORT": str(private), **({"BUTT_DATABASE_URL": url} if url else {})}
    run = [sys.executable, "-m"]
    subprocess.run([*run, "butt", "manage", "migrate", "-v0"], env=environment, check=True)
    crowd = [*run, "bench.crowd", str(count)]
    filled = subprocess.run(crowd, env=environment, check=True, text=True, stdout=subprocess.PIPE)
    cookie, token, machine = json.loads(filled.stdout)
    commands = (["public", "--port", str(public)], ["private"])
    servers = [
        subprocess.Popen([*run, "butt", *command], env=environment, stderr=subprocess.DEVNULL)
        for command in commands
    ]
    asked = {
        "dashboard": (public, "/bots", f"Cookie: butt={cookie}"),
        "API": (public, "/agents", f"Authorization: Bearer {token}"),
        "pillar": (private, f"/agents/{machine}", f"Authorization: Bearer {TOKEN}"),
    }
    try:
        wait_for(lambda: listens(public) and listens(private))
        return {
            what: read([port], path, header, READERS, SECONDS)[0]
            for what, (port, path, header) in asked.items()
        }
    finally:
        for server in servers:
            server.terminate()
        for server in servers:
            server.wait(20)


if __name__ == "__main__":
    main()
