"""What this process has counted since its start. Counting costs an addition; the heart writes it down."""

import threading
from collections import Counter

MOST = 500
"""Different ones: labels come from a fixed set, so more than that is a fault of ours and is counted no further."""

Key = tuple[str, tuple[str, ...]]

_lock = threading.Lock()
_counts: Counter[Key] = Counter()


def count(name: str, *labels: str, by: float = 1) -> None:
    """`name` happened once more, or `by` more of it. `labels` are few and fixed: never an address or an id."""
    with _lock:
        if (name, labels) in _counts or len(_counts) < MOST:
            _counts[name, labels] += by  # type: ignore[assignment]  # seconds are no whole numbers


def counted() -> list[tuple[str, tuple[str, ...], float]]:
    """All of it, in the order of names."""
    with _lock:
        return sorted((name, labels, number) for (name, labels), number in _counts.items())
