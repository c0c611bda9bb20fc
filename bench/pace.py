"""How fast many bytes pass through a server, beside a floor, and how much memory that takes."""

import statistics
import threading
from collections.abc import Mapping, Sequence
from typing import Self

import psutil

from bench.claims import claim


class Peak:
    """How much the memory of a process rose at most, in MB."""

    def __init__(self, process: psutil.Process) -> None:
        self._process, self._over = process, threading.Event()
        self.idle = self.peak = process.memory_info().rss
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(0.01):
            self.peak = max(self.peak, self._process.memory_info().rss)

    @property
    def above(self) -> float:
        return (self.peak - self.idle) / 1e6


def tell_pace(
    what: str, size: int, ours: Sequence[float], floors: Mapping[str, Sequence[float]], memory: Peak
) -> None:
    """Print and claim the medians of the seconds that `size` bytes took us and each of the floors."""
    megabytes, a = size / 1e6, statistics.median(ours)
    for name, floor in floors.items():
        b = statistics.median(floor)
        claim(f"{what} of {megabytes:,.0f} MB", a, b, "s", name)
        print(
            f"  {megabytes:,.0f} MB: ours {megabytes / a:.0f} MB/s, {name} {megabytes / b:.0f} MB/s,"
            f" ratio of time {a / b:.2f}"
        )
    print(
        f"  memory of the server: {memory.above:.0f} MB above idle ({memory.idle / 1e6:.0f} MB)", flush=True
    )
