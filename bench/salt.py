"""A run of the states of one machine: with nothing changed, with one bot changed, and with no bots at all.

Uses a real `salt-call` and a real Docker Engine. All are measured in the same minutes, with medians of
several runs.
"""

import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import django

ROUNDS = 5
COUNTS = (1, 10, 50)


def main() -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    django.setup()
    from tests.salt.bots import Bots, offer_pub
    from tests.salt.land import HERE, Land
    from tests.salt.machine import Engine, Minion
    from tests.salt.teller import Teller

    with (
        tempfile.TemporaryDirectory() as folder,
        Land() as land,
        Engine(Path(folder) / "engine", land.settle()) as engine,
        Teller(HERE) as teller,
    ):
        files = offer_pub(Path(folder) / "files")
        bots = Bots(Minion.alone(Path(folder) / "minion", engine, teller.url, files), teller, engine)
        bots.converge()
        floor = _measure(bots)
        print(f"  no bots: {_show(floor)}", flush=True)
        for count in COUNTS:
            while len(bots.wanted) < count:
                bots.add()
            made = _run(bots)
            unchanged, changed = _measure(bots), []
            for _ in range(ROUNDS):
                next(iter(bots.wanted.values()))["launch"] += 1
                changed.append(_run(bots))
            over = statistics.median(unchanged) - statistics.median(floor)
            print(f"  {count:3} bots: made in {made:.1f} s; unchanged {_show(unchanged)}, ", end="")
            print(f"{over:+.2f} s over none; one change {_show(changed)}", flush=True)
        engine.clear()


def _measure(bots: Any) -> list[float]:
    return [_run(bots) for _ in range(ROUNDS)]


def _run(bots: Any) -> float:
    began = time.monotonic()
    bots.converge()
    return time.monotonic() - began


def _show(seconds: list[float]) -> str:
    return f"{statistics.median(seconds):.2f} s ({min(seconds):.2f}-{max(seconds):.2f})"
