"""Back-off: who fails again and again is left alone for longer each time."""

from typing import Final

_MOST_DOUBLINGS: Final = 32


def backoff(failures: int, first: float, longest: float) -> float:
    """Seconds to wait: `first`, doubled for each failure, and at most `longest`."""
    return min(first * 2.0 ** min(failures, _MOST_DOUBLINGS), longest)
