"""Counts of how often something is done, in this process's memory: enough where servers need not share them."""

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from butt.limits.slowed import note
from butt.limits.table import Limit

MOST_KEYS = 10_000


class Rate:
    """Windows of `limit.seconds` seconds, each starting with somebody's first attempt. Refused attempts are
    not counted.
    """

    def __init__(self, limit: Limit, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit, self._clock = limit, clock
        self._windows: OrderedDict[str, tuple[float, int]] = OrderedDict()
        self._lock = threading.Lock()

    def wait_of(self, who: str) -> int:
        """Returns 0 and counts it if `who` may do it now; otherwise the whole seconds to wait."""
        with self._lock:
            wait = self._wait_of(who, self._clock())
        if wait:
            note(self._limit, who)
        return wait

    def _wait_of(self, who: str, now: float) -> int:
        began, count = self._windows.get(who, (now, 0))
        if now - began >= self._limit.seconds:
            began, count = now, 0
        if count >= self._limit.most:
            return max(1, math.ceil(began + self._limit.seconds - now))
        if not count:
            self._windows.pop(who, None)
            self._forget(now)
        self._windows[who] = (began, count + 1)
        return 0

    def _forget(self, now: float) -> None:
        """Remove windows that are over, and the oldest if there are too many. They are kept in the order in
        which they began.
        """
        while self._windows:
            who, (began, _) = next(iter(self._windows.items()))
            if now - began < self._limit.seconds and len(self._windows) < MOST_KEYS:
                return
            del self._windows[who]
