"""The arithmetic of samples: spans of time are merged into longer ones, and gaps stay empty."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import UTC, datetime

FINEST = 10
"""How often a bot reports its figures, in seconds."""

MOST = 2**48
"""The highest figure that is accepted: a bot may report anything, and a day's sum must still fit in a row."""


@dataclass(frozen=True, slots=True)
class Span:
    """What was seen from `at` on, in `count` sightings."""

    at: datetime
    count: int
    memory_sum: int
    memory_low: int
    memory_high: int
    peers_sum: int
    peers_low: int
    peers_high: int
    bytes_in: int
    bytes_out: int
    disk: int | None
    messages: int
    feeds: int

    @property
    def memory(self) -> int:
        """The average of all sightings, in bytes."""
        return round(self.memory_sum / self.count)

    @property
    def peers(self) -> float:
        return self.peers_sum / self.count


FIELDS = tuple(field.name for field in fields(Span))


def floor(at: datetime, seconds: int) -> datetime:
    """The start of the period of `seconds` that contains `at`; days begin at midnight UTC."""
    return datetime.fromtimestamp(int(at.timestamp()) // seconds * seconds, UTC)


def merge(at: datetime, spans: Iterable[Span]) -> Span:
    """Merge `spans`, at least one and in any order, into one that begins at `at`."""
    ordered = sorted(spans, key=lambda span: span.at)
    last = ordered[-1]
    return Span(
        at=at,
        count=sum(s.count for s in ordered),
        memory_sum=sum(s.memory_sum for s in ordered),
        memory_low=min(s.memory_low for s in ordered),
        memory_high=max(s.memory_high for s in ordered),
        peers_sum=sum(s.peers_sum for s in ordered),
        peers_low=min(s.peers_low for s in ordered),
        peers_high=max(s.peers_high for s in ordered),
        bytes_in=sum(s.bytes_in for s in ordered),
        bytes_out=sum(s.bytes_out for s in ordered),
        disk=next((s.disk for s in reversed(ordered) if s.disk is not None), None),
        messages=last.messages,
        feeds=last.feeds,
    )


def fold(spans: Iterable[Span], seconds: int) -> list[Span]:
    """`spans` merged into periods of `seconds`, the earliest first; periods in which nothing was seen are
    left out.
    """
    stretches: dict[datetime, list[Span]] = defaultdict(list)
    for span in spans:
        stretches[floor(span.at, seconds)].append(span)
    return [merge(at, stretches[at]) for at in sorted(stretches)]


@dataclass(frozen=True, slots=True)
class Counter:
    """The value of a counter that restarts from zero with each process."""

    process: datetime
    value: int


def growth(before: Counter | None, now: Counter) -> int:
    """How much was counted since `before`. If the process is a new one, everything that it counted is new."""
    fresh = before is None or before.process != now.process or now.value < before.value
    return min(MOST, now.value if before is None or fresh else now.value - before.value)
