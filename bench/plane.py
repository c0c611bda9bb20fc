"""What the control plane takes while 50 bots run here: each of its processes, and supervisord.

PSS counts a page that several processes share once, in equal parts.
"""

import os
import tempfile
import time
from pathlib import Path

import psutil

from bench.claims import claim
from bench.servers import control_plane
from butt.sources.releases import build
from tests.service import Service

BOTS = 50
GOAL = 120.0
"""MB in all: half of what JupyterHub's control plane takes beside 50 servers."""

IDLE = 20.0


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.environ["BUTT_HOME"] = folder
        release = build().path
        with (
            tempfile.TemporaryDirectory() as home,
            Service(Path(home) / "home", release, most_bots=100, bots_per_person=BOTS) as site,
        ):
            alice = site.person("alice@example.org")
            for bot in [alice.names_a_bot(f"my{number}") for number in range(BOTS)]:
                alice.waits_for("alive", bot)
            time.sleep(IDLE)
            total = look(control_plane(site))
    print(f"  together {total:.0f} MB")
    claim(f"memory of the control plane with {BOTS} bots", total, GOAL, "MB", "the goal")


def look(processes: list[psutil.Process]) -> float:
    """MB of all of them."""
    total = 0.0
    for process in processes:
        seen, command = process.memory_full_info(), " ".join(process.cmdline())
        total += seen.pss / 1e6
        name = command.partition(" --home ")[0] if command.startswith("butt ") else command.split()[-1]
        name = next((word for word in ("minding", "supervisord", "fork-server") if word in command), name)
        print(f"  {name + ':':30} {seen.pss / 1e6:5.1f} MB, {seen.uss / 1e6:5.1f} MB of its own alone")
    return total


if __name__ == "__main__":
    main()
