"""Memory of each part before and after many requests and restarts of a bot: it stays level, or something
leaks.

    python -m bench.soak --requests 100000 --restarts 1000
"""

import argparse
import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil

from bench.claims import claim
from butt.command.up import ROLES
from butt.sources.releases import build
from tests.service import Person, Service, wait_for

READERS = 4
WARM_UP = 1_000
"""Requests before the first figure: what is loaded once is no leak."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description=__doc__)
    parser.add_argument("--requests", type=int, default=20_000)
    parser.add_argument("--restarts", type=int, default=50)
    chosen, _ = parser.parse_known_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["BUTT_HOME"] = folder
        with Service(Path(folder) / "home", build().path) as site:
            soak(site, chosen.requests, chosen.restarts)


def soak(site: Service, requests: int, restarts: int) -> None:
    alice = site.person("alice@example.org")
    bot = alice.names_a_bot("my")
    alice.waits_for("alive", bot)
    read(alice, bot, WARM_UP)
    restart(alice, bot, 3)
    before = memory(site)
    read(alice, bot, requests)
    between = memory(site)
    restart(alice, bot, restarts)
    after = memory(site)
    print(f"  MB at the start, after {requests:,} requests, after {restarts:,} restarts, and the growth")
    for part, start in before.items():
        end = after[part]
        claim(f"memory of {part} after the soak", end, start, "MB", "before it")
        print(f"  {part:11} {start:6.1f} {between[part]:6.1f} {end:6.1f}   {end / start:.2f}", flush=True)


def read(alice: Person, bot: object, count: int) -> None:
    def one(_: int) -> None:
        alice.sees(bot)

    with ThreadPoolExecutor(READERS) as pool:
        for _ in pool.map(one, range(count)):
            pass


def restart(alice: Person, bot: object, count: int) -> None:
    for _ in range(count):
        (pub,) = site_pubs(alice.site)
        alice.asks("restart", bot)
        wait_for(lambda pub=pub: not pub.is_running())
        alice.waits_for("alive", bot)


def site_pubs(site: Service) -> list[psutil.Process]:
    return wait_for(site.pubs)


def memory(site: Service) -> dict[str, float]:
    """MB that each part holds, including what it has shared since its fork: turning that into its own is not
    growth.
    """
    (pub,) = site_pubs(site)
    parts = {role: site.part(role) for role in ROLES} | {"supervisord": pub.parent()}
    return {name: part.memory_info().rss / 1e6 for name, part in parts.items() if part}


if __name__ == "__main__":
    main()
