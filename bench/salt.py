"""A run of the states of one machine: nothing changed, and one bot changed, beside a run with no bots at all.

A real `salt-call` and a real Docker Engine; all in the same minutes, the medians of several runs.
"""

import statistics
import tempfile
import time
from pathlib import Path

from tests.salt.bots import Bots, offer_pub
from tests.salt.land import HERE, Land
from tests.salt.machine import Engine, Minion
from tests.salt.teller import Teller

ROUNDS = 5
COUNTS = (1, 10, 50)


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        Land() as land,
        Engine(Path(folder) / "engine", land.settle()) as engine,
        Teller(HERE) as teller,
    ):
        files = offer_pub(Path(folder) / "files")
        bots = Bots(Minion.alone(Path(folder) / "minion", engine, teller.url, files), teller, engine)
        bots.converge()
        empty = [_run(bots) for _ in range(ROUNDS)]
        print(f"  no bots: {_show(empty)}", flush=True)
        for count in COUNTS:
            while len(bots.wanted) < count:
                bots.add()
            began = time.monotonic()
            bots.converge()
            made = time.monotonic() - began
            unchanged = [_run(bots) for _ in range(ROUNDS)]
            changed = []
            for launch in range(2, 5):
                next(iter(bots.wanted.values()))["launch"] += launch
                changed.append(_run(bots))
            floor = statistics.median(empty)
            print(f"  {count:3} bots: made in {made:.1f} s; unchanged {_show(unchanged)}, ", end="")
            print(f"{statistics.median(unchanged) - floor:+.2f} s over none, ", end="")
            print(
                f"ratio {statistics.median(unchanged) / floor:.2f}; one change {_show(changed)}", flush=True
            )
        engine.clear()


def _run(bots: Bots) -> float:
    began = time.monotonic()
    bots.converge()
    return time.monotonic() - began


def _show(seconds: list[float]) -> str:
    return f"{statistics.median(seconds):.2f} s ({min(seconds):.2f}-{max(seconds):.2f})"
