"""Whether the service is ready, for frequent callers: checked again only after some seconds, by one caller at
a time.
"""

import threading
import time

from django.db import close_old_connections

from butt.health.checks import CHECKS, Check

FRESH = 15.0
"""Seconds that results stay valid: whoever asks sooner gets the same answer without a check."""

_lock = threading.Lock()
_found: tuple[float, list[Check]] = (0.0, [])


def readiness() -> list[Check]:
    """One check for each thing that the service needs; it is ready if none has a trouble."""
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
    """Check again at the next call."""
    global _found  # noqa: PLW0603 - one for the process
    with _lock:
        _found = 0.0, []
