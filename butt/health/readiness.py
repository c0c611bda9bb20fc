"""Whether the service is ready, for whoever asks often: asked anew only after some seconds, by one at a time."""

import threading
import time

from django.db import close_old_connections

from butt.health.checks import CHECKS, Check

FRESH = 15.0
"""Seconds for which what was found holds: whoever asks faster is told the same again, and nothing is asked."""

_lock = threading.Lock()
_found: tuple[float, list[Check]] = (0.0, [])


def readiness() -> list[Check]:
    """One check for each thing that the service needs; it is ready when none has a trouble."""
    global _found  # noqa: PLW0603 - one for the process
    with _lock:
        at, found = _found
        if not found or time.monotonic() - at > FRESH:
            try:
                found = [check() for check in CHECKS]
            finally:
                close_old_connections()
            _found = time.monotonic(), found
        return found


def forget() -> None:
    """Ask anew the next time."""
    global _found  # noqa: PLW0603 - one for the process
    with _lock:
        _found = 0.0, []
