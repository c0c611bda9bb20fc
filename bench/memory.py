"""Many idle pubs at once: ours as the service runs them, with its supervisord, beside stock `ssb-server`.

Processes of one program share pages, so what counts is the memory that one more takes for itself (USS, on
Linux); shared pages exist once. `fit` is how many would fit if nothing but supervisord ran beside them.
"""

import asyncio
import json
import os
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench.claims import claim
from bench.start import all_answer, start, stock_config
from butt.sources.releases import build
from scuttlekit import KeyPair
from tests.lanes import free_ports
from tests.service import Service

BOTS = 10
IDLE = 30.0
ROOMS = (1, 4)


@dataclass
class Idle:
    """In MB: what one process has for itself, its RSS, and what all of them share."""

    own: float
    seeming: float
    shared: float

    def fit(self, room: float, besides: float = 0.0) -> int:
        return int((room - self.shared - besides) / self.own)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.environ["BUTT_HOME"] = folder
        release, stock = build().path, build(Path(__file__).parent / "stock").path
        ours, supervisord = by_us(release)
        bare = by_hand(stock)
    for who, idle in (("ours", ours), ("ssb-server", bare)):
        print(
            f"  {who + ':':11} each {idle.own:.1f} MB of its own, {idle.seeming:.1f} MB with what"
            f" {BOTS} share ({idle.shared:.0f} MB)"
        )
    print(
        f"  ratio {ours.own / bare.own:.2f}; supervisord and fork server {supervisord:.1f} MB,"
        f" {supervisord / BOTS:.1f} MB for each of {BOTS}"
    )
    claim("memory of one more idle bot", ours.own, bare.own, "MB")
    for room in ROOMS:
        fit, beside = ours.fit(1000 * room, supervisord), bare.fit(1000 * room)
        claim(f"idle bots that fit into {room} GB", fit, beside, "bots")
        print(f"  into {room} GB fit {fit} of ours, {beside} of ssb-server", flush=True)


def by_us(release: Path) -> tuple[Idle, float]:
    with (
        tempfile.TemporaryDirectory() as home,
        Service(Path(home) / "home", release, bots_per_person=BOTS) as site,
    ):
        alice = site.person("alice@example.org")
        for bot in [alice.names_a_bot(f"my{number}") for number in range(BOTS)]:
            alice.waits_for("alive", bot)
        time.sleep(IDLE)
        pubs = site.pubs()
        # And the process that pubs are forked from, a child of supervisord as they are.
        supervisord = pubs[0].parent()
        beside = [supervisord, *(each for each in supervisord.children() if each not in pubs)]
        return _look(pubs), sum(each.memory_full_info().uss for each in beside) / 1e6


def by_hand(stock: Path) -> Idle:
    keys, ports = KeyPair.generate(), free_ports(BOTS)
    with tempfile.TemporaryDirectory() as folder:
        homes = [Path(folder) / str(port) for port in ports]
        for home, port in zip(homes, ports, strict=True):
            home.mkdir()
            (home / "config").write_text(json.dumps(stock_config(home, port, keys.id)))
        servers = [start(stock, home) for home in homes]
        try:
            asyncio.run(all_answer(homes, ports, keys))
            time.sleep(IDLE)
            return _look([psutil.Process(server.pid) for server in servers])
        finally:
            for server in servers:
                server.kill()
                server.wait()


def _look(processes: list[psutil.Process]) -> Idle:
    assert len(processes) == BOTS
    seen = [process.memory_full_info() for process in processes]
    return Idle(
        statistics.median(one.uss for one in seen) / 1e6,
        statistics.median(one.rss for one in seen) / 1e6,
        sum(one.pss - one.uss for one in seen) / 1e6,
    )


if __name__ == "__main__":
    main()
