"""Exponential back-off: the wait grows with each failure."""

from datetime import timedelta
from typing import Final, TypeVar

_MOST_DOUBLINGS: Final = 32

Wait = TypeVar("Wait", float, timedelta)
"""Seconds, or a timedelta."""


def backoff(failures: int, first: Wait, longest: Wait) -> Wait:
    """How long to wait: `first`, doubled for each failure, and at most `longest`."""
    return min(first * 2.0 ** min(failures, _MOST_DOUBLINGS), longest)
