"""Back-off: who fails again and again is left alone for longer each time."""

from datetime import timedelta
from typing import Final, TypeVar

_MOST_DOUBLINGS: Final = 32

Wait = TypeVar("Wait", float, timedelta)
"""Seconds, or the length of time itself."""


def backoff(failures: int, first: Wait, longest: Wait) -> Wait:
    """How long to wait: `first`, doubled for each failure, and at most `longest`."""
    return min(first * 2.0 ** min(failures, _MOST_DOUBLINGS), longest)
