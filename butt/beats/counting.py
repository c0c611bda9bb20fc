"""What this process has counted since it started. Counting costs one addition; the heart writes the counts down."""

import threading
from collections import Counter

MOST = 500
"""The most different counters: labels come from a fixed set, so more would be a bug of ours, and are not counted."""

Key = tuple[str, tuple[str, ...]]

_lock = threading.Lock()
_counts: Counter[Key] = Counter()


def count(name: str, *labels: str, by: float = 1) -> None:
    """Count `name` once more, or `by` more. `labels` are few and fixed: never an address or an id."""
    with _lock:
        if (name, labels) in _counts or len(_counts) < MOST:
            _counts[name, labels] += by  # type: ignore[assignment]  # seconds are no whole numbers


def counted() -> list[tuple[str, tuple[str, ...], float]]:
    """All counts, sorted by name."""
    with _lock:
        return sorted((name, labels, number) for (name, labels), number in _counts.items())
