"""Each page of a person with 100 of 10,000 bots, over PostgreSQL, beside the page of a person with none.

One reader asks for the two in turns, so that whatever else the machine does meets both alike. Pages that ask a bot are left
out, because they take as long as the bot does. Of the status pages, one row is of a page that is read again and again, and
one of those of all bots, of which each is drawn for the first time.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from itertools import repeat

from bench.claims import claim
from bench.load import in_turns, listens
from bench.readers import ALL_BOTS, BOTS
from bench.rest import ended
from tests.lanes import free_ports
from tests.postgres import cluster
from tests.service import wait_for

SECONDS = 1.5
GOAL = 3.0
RANGES = ("1h", "24h", "30d", "1y")
BOT = "/bots/bot0"
PAGES = (
    *("/", "/bots", "/bots/new", "/bots/import", BOT),
    *(f"{BOT}/{part}" for part in ("log", "invites", "invites/new", "upgrade")),
    *(f"{BOT}/{part}" for part in ("delete", "export", "people", "network", "limits")),
    *("/account", "/account/email", "/account/password", "/account/factors", "/account/sessions"),
    *("/account/tokens", "/account/ssb", "/account/delete"),
    *(f"{BOT}/status?range={name}" for name in RANGES),
)
EACH_ONCE = {f"a first status?range={name}": f"status?range={name}" for name in RANGES}


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
        cookies = json.loads(filled.stdout)
        server = subprocess.Popen([*run, "butt", "public", "--port", str(port)], env=environment)
        with ended(server):
            wait_for(lambda: listens(port))
            seen = {page: beside_empty(port, repeat(page), cookies) for page in PAGES}
            for what, part in EACH_ONCE.items():
                every = sorted(f"bot{number}" for number in range(ALL_BOTS))[:BOTS]
                seen[what] = beside_empty(port, [f"/bots/{name}/{part}" for name in every[1:]], cookies)
    for page, (took, empty) in seen.items():
        held = "kept" if took <= GOAL * empty else "missed"
        print(
            f"  {page + ':':28} median {1000 * took:.1f} ms, {took / empty:.1f} times an empty one;"
            f" the goal of {GOAL:g} is {held}"
        )
    for kind, pages in (("page", PAGES), ("status page, first drawn,", EACH_ONCE)):
        slowest = max(pages, key=lambda page: seen[page][0] / seen[page][1])
        took, empty = seen[slowest]
        what = f"the slowest {kind} of 100 bots, `{slowest.removeprefix('a first ')}`"
        claim(what, 1000 * took, 1000 * empty, "ms", "no bots")


def beside_empty(port: int, paths: Iterable[str], cookies: list[str]) -> list[float]:
    """The median of the seconds that these take, and those of the page without bots in the same moments."""
    mine, nobodys = (f"Cookie: butt={cookie}" for cookie in cookies)
    return in_turns(port, [((path, mine) for path in paths), repeat(("/bots", nobodys))], SECONDS)


if __name__ == "__main__":
    main()
