"""Reading samples: one query for a range of time, however much of it is already rolled up."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q

from butt.figures.models import Sample
from butt.figures.spans import FIELDS, FINEST, Span, floor, fold, stretches

RESOLUTIONS = (FINEST, 60, 3600, 86400)
LATE = timedelta(minutes=5)
"""How late roll-ups may be before a chart shows it."""


@dataclass(frozen=True)
class TimeRange:
    """A period that ends now: its samples are kept at `resolution` and shown in steps of `step` seconds."""

    seconds: int
    resolution: int
    step: int
    coarse: int

    def begins(self, now: datetime) -> datetime:
        return now - timedelta(seconds=self.seconds)


RANGES = {
    "1h": TimeRange(3600, 10, 10, 30),
    "24h": TimeRange(86400, 60, 180, 600),
    "30d": TimeRange(30 * 86400, 3600, 7200, 6 * 3600),
    "1y": TimeRange(365 * 86400, 86400, 86400, 3 * 86400),
}


def series(bot_id: uuid.UUID, span: TimeRange, now: datetime, step: int) -> list[Span]:
    """What was seen of the bot in this range, in spans of `step` seconds."""
    wanted = Q(resolution=span.resolution, at__gte=span.begins(now))
    coarser = span.resolution
    for finer in reversed(RESOLUTIONS[: RESOLUTIONS.index(span.resolution)]):
        wanted |= Q(resolution=finer, at__gte=floor(now - LATE, coarser))
        coarser = finer
    rows = Sample.objects.filter(wanted, bot_id=bot_id).values_list("resolution", *FIELDS)
    found = _each_once([(row[0], Span(row[1], row[2], row[3:])) for row in rows])
    if span.resolution == FINEST:
        found = [each for one in found for each in (stretches(one) if one.count > 1 else (one,))]
    return fold(found, step)


def _each_once(found: Iterable[tuple[int, Span]]) -> list[Span]:
    """Leave out what a coarser sample already contains."""
    told: dict[int, set[datetime]] = {}
    for resolution, span in found:
        told.setdefault(resolution, set()).add(span.at)
    return [
        span
        for resolution, span in found
        if not any(r > resolution and floor(span.at, r) in begins for r, begins in told.items())
    ]
