"""A daily byte allowance for each peer or feed."""

import time
from collections.abc import Callable
from typing import Final

DAY: Final = 24 * 3600.0
"""Seconds."""


class DailyAllowance:
    """Counts bytes per peer or feed. All counts reset together after a day of `clock`, in seconds."""

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._clock = clock
        self._used: dict[str, int] = {}
        self._ends = clock() + DAY

    def use(self, who: str, size: int) -> bool:
        """Count `size` bytes. Returns True if they used up the allowance."""
        self.renew()
        before = self._used.get(who, 0)
        self._used[who] = before + size
        return before <= self._most < before + size

    def is_used_up(self, who: str) -> bool:
        return self._used.get(who, 0) > self._most

    def renew(self) -> bool:
        """Reset all counts if the day is over. Returns True if there were any to reset."""
        now = self._clock()
        if now < self._ends:
            return False
        had_any = bool(self._used)
        self._used.clear()
        self._ends = now + DAY
        return had_any
