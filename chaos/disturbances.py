"""When something was wrong, and for whom: what could not be seen then is not counted as missing."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

ALL = ""
AFTER = 20.0
"""Seconds until all is as before: a part starts again, a monitor that died counts as living for 8 of them."""


@dataclass
class Disturbance:
    begin: float
    end: float | None
    whom: str


class Disturbances:
    """In seconds since the epoch, by the machine's clock. `whom` is the id of a process, or all."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._all: list[Disturbance] = []

    def now(self, whom: str = ALL) -> None:
        self.add(Disturbance(time.time(), time.time(), whom))

    @contextmanager
    def lasting(self, whom: str = ALL) -> Iterator[None]:
        one = Disturbance(time.time(), None, whom)
        self.add(one)
        try:
            yield
        finally:
            one.end = time.time()

    def calm_between(self, begin: float, end: float, whom: str) -> list[tuple[float, float]]:
        """What is left of a stretch of time without everything that disturbed `whom`."""
        with self._lock:
            wrong = sorted(
                (one.begin, (one.end or end) + AFTER) for one in self._all if one.whom in {ALL, whom}
            )
        calm = []
        for wrong_from, wrong_to in wrong:
            if wrong_from > begin:
                calm.append((begin, min(end, wrong_from)))
            begin = max(begin, wrong_to)
            if begin >= end:
                break
        return [(a, b) for a, b in [*calm, (begin, end)] if b > a]

    def add(self, one: Disturbance) -> None:
        with self._lock:
            self._all.append(one)
