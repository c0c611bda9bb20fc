"""Making 1, 10 and 50 servers at once, from the request until each is ready: ours beside JupyterHub.

Each is compared with its own floor, the same program started as often by hand: the time above it is what the
service costs. CPU and memory are those of the control plane alone: all our parts, supervisord and the fork server, or the hub
and its proxy. The CPU is that from the first request until all are ready, with what asking whether they are takes.
"""

import os
import statistics
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import psutil

from bench.claims import claim
from bench.hub import alone
from bench.hub.environment import hub_version, install
from bench.hub.hub import Hub
from bench.start import bare_pubs, click_to_alive, delete
from butt.sources.releases import build
from tests.service import Service

ROUNDS = {1: 5, 10: 3, 50: 1}
T = TypeVar("T")


@dataclass
class Made:
    """`over` is the time above the floor, both in seconds; `cpu` in seconds, `memory` in MB."""

    seconds: float
    floor: float
    cpu: float
    memory: float

    @property
    def over(self) -> float:
        return self.seconds - self.floor


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.environ["BUTT_HOME"] = folder
        release = build().path
        install()
        print(f"  JupyterHub {hub_version()}")
        for count, rounds in ROUNDS.items():
            ours, theirs = by_us(count, rounds, release), by_hub(count, rounds)
            for what, mine, hubs, unit in (
                ("over their floor", ours.over, theirs.over, "s"),
                ("CPU of the control plane", ours.cpu, theirs.cpu, "s"),
                ("memory of the control plane", ours.memory, theirs.memory, "MB"),
            ):
                claim(f"{count} servers at once, {what}", mine, hubs, unit, "JupyterHub")
            for who, made in (("ours", ours), ("JupyterHub", theirs)):
                print(
                    f"  {count:3} at once, {who + ':':11} {made.seconds:6.2f} s, by hand {made.floor:6.2f} s,"
                    f" over it {made.over:6.2f} s (ratio {made.seconds / made.floor:.2f});"
                    f" control plane {made.cpu:.2f} s of CPU, {made.memory:.0f} MB",
                    flush=True,
                )


def by_us(count: int, rounds: int, release: Path) -> Made:
    with (
        tempfile.TemporaryDirectory() as home,
        Service(Path(home) / "home", release, most_bots=500, bots_per_person=500) as site,
    ):
        alice = site.person("alice@example.org")
        alice.waits_for("alive", alice.names_a_bot("warm-up"))

        return _median(
            rounds,
            lambda number: click_to_alive(count, alice, number),
            lambda bots: delete(alice, bots),
            lambda place: bare_pubs(count, place, release),
            lambda: control_plane(site),
        )


def control_plane(site: Service) -> list[psutil.Process]:
    parts = psutil.Process(site.process.pid)
    supervisors = [
        process
        for process in psutil.process_iter(["cmdline"])
        if any("supervisord" in word for word in process.info["cmdline"] or [])
        and str(site.home) in " ".join(process.info["cmdline"])
    ]
    # What pubs are forked from is a child of supervisord, as they are.
    pubs = set(site.pubs())
    forking = [child for each in supervisors for child in each.children() if child not in pubs]
    return [parts, *parts.children(recursive=True), *supervisors, *forking]


def by_hub(count: int, rounds: int) -> Made:
    with tempfile.TemporaryDirectory() as home, Hub(Path(home)) as hub:
        hub.starts(["warm-up"])
        hub.end(["warm-up"])

        def once(number: int) -> tuple[float, list[str]]:
            names = [f"person-{number}-{n}" for n in range(count)]
            return hub.starts(names), names

        return _median(rounds, once, hub.end, lambda place: alone.bare(count, place), hub.control_plane)


def _median(
    rounds: int,
    make: Callable[[int], tuple[float, T]],
    end: Callable[[T], None],
    floor: Callable[[Path], float],
    control_plane: Callable[[], list[psutil.Process]],
) -> Made:
    seconds, floors, cpu = [], [], []
    for number in range(rounds):
        # A grandchild of theirs may still write there.
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place:
            floors.append(floor(Path(place)))
        before = _cpu(control_plane())
        took, made = make(number)
        seconds.append(took)
        cpu.append(_cpu(control_plane()) - before)
        end(made)
    memory = sum(process.memory_full_info().pss for process in control_plane()) / 1e6
    return Made(statistics.median(seconds), statistics.median(floors), statistics.median(cpu), memory)


def _cpu(processes: list[psutil.Process]) -> float:
    return sum(sum(process.cpu_times()[:2]) for process in processes)


if __name__ == "__main__":
    main()
