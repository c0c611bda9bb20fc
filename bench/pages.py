"""Each page of a person with 100 of 10,000 bots, over PostgreSQL, beside the page of a person with none.

One reader asks for the same page again and again. Pages that ask a bot are left out, because they take as
long as the bot does.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile

from bench.claims import claim
from bench.load import listens, read
from bench.rest import ended
from tests.lanes import free_ports
from tests.postgres import cluster
from tests.service import wait_for

SECONDS = 1.0
GOAL = 3.0
BOT = "/bots/bot0"
PAGES = (
    *("/", "/bots", "/bots/new", "/bots/import", BOT),
    *(f"{BOT}/{part}" for part in ("status", "status?range=1y", "log", "invites", "invites/new", "upgrade")),
    *(f"{BOT}/{part}" for part in ("delete", "export", "people", "network", "limits")),
    *("/account", "/account/email", "/account/password", "/account/factors", "/account/sessions"),
    *("/account/tokens", "/account/delete"),
)


def main() -> None:
    with tempfile.TemporaryDirectory() as home, cluster() as database:
        (port,) = free_ports(1)
        environment = {k: v for k, v in os.environ.items() if k != "DJANGO_SETTINGS_MODULE"}
        environment |= {"BUTT_HOME": home, "BUTT_DATABASE_URL": database, "BUTT_BILLING": "free"}
        run = [sys.executable, "-m"]
        subprocess.run([*run, "butt", "manage", "migrate", "-v0"], env=environment, check=True)
        filled = subprocess.run(
            [*run, "bench.readers"], env=environment, check=True, text=True, stdout=subprocess.PIPE
        )
        with_bots, without = json.loads(filled.stdout)
        server = subprocess.Popen([*run, "butt", "public", "--port", str(port)], env=environment)
        with ended(server):
            wait_for(lambda: listens(port))
            empty = middle(port, "/bots", without)
            print(f"  no bots on the page: median {1000 * empty:.1f} ms")
            took = {page: middle(port, page, with_bots) for page in PAGES}
    for page, seconds in took.items():
        held = "kept" if seconds <= GOAL * empty else "missed"
        print(
            f"  {page + ':':24} median {1000 * seconds:.1f} ms, {seconds / empty:.1f} times that;"
            f" the goal of {GOAL:g} is {held}"
        )
    slowest = max(took, key=lambda page: took[page])
    claim(f"the slowest page of 100 bots, `{slowest}`", 1000 * took[slowest], 1000 * empty, "ms", "no bots")


def middle(port: int, path: str, cookie: str) -> float:
    took, _ = read([port], path, f"Cookie: butt={cookie}", 1, SECONDS)
    return statistics.median(took)


if __name__ == "__main__":
    main()
