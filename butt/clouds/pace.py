"""Rate limiting: calls are spaced out, and all of them wait when the cloud says that there were too many."""

import threading
import time


class Pace:
    """At most `per_second` calls, over all threads of this process."""

    def __init__(self, per_second: float) -> None:
        self._gap, self._next, self._lock = 1 / per_second, 0.0, threading.Lock()

    def wait(self) -> None:
        """Return when it is this call's turn."""
        with self._lock:
            turn = max(self._next, time.monotonic())
            self._next = turn + self._gap
        time.sleep(max(0.0, turn - time.monotonic()))

    def pause(self, seconds: float) -> None:
        """Nobody makes a call for this many seconds."""
        with self._lock:
            self._next = max(self._next, time.monotonic() + seconds)
