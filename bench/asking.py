"""Asking again and again until something is so, without the asking becoming what is measured."""

import time
from collections.abc import Callable

PAUSE = 0.02
SHARE = 10
"""Asking takes at most one part in this many of the time: whoever is asked pays for it with the CPU that is measured."""


def ask_until(is_so: Callable[[], bool], patience: float = 600.0) -> None:
    """Raises `TimeoutError` after `patience` seconds."""
    deadline = time.monotonic() + patience
    while True:
        asked = time.monotonic()
        if is_so():
            return
        if asked > deadline:
            raise TimeoutError(f"asked in vain for {patience} s")
        time.sleep(max(PAUSE, (SHARE - 1) * (time.monotonic() - asked)))
