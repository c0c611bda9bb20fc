"""Exponential back-off: the wait grows with each failure."""

from datetime import timedelta
from math import log
from typing import TypeVar

Wait = TypeVar("Wait", float, timedelta)
"""Seconds, or a timedelta."""


def backoff(failures: int, first: Wait, longest: Wait, growth: float = 2.0) -> Wait:
    """How long to wait: `first`, multiplied by `growth` for each failure, and at most `longest`."""
    if failures >= log(longest / first, growth):
        return longest
    return first * growth**failures
