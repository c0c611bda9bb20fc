"""Reading samples: one query for a range of time, however much of it is already rolled up."""

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, reduce
from operator import or_
from typing import Any

from django.db.models import Q, QuerySet

from butt.agents.prepared import Prepared
from butt.figures.declared import KEPT_FIGURES, KeptFigure
from butt.figures.folding import folded
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


def series(
    bot_id: uuid.UUID,
    span: TimeRange,
    now: datetime,
    step: int,
    begin: datetime | None = None,
    figures: tuple[KeptFigure, ...] = KEPT_FIGURES,
) -> list[Span]:
    """What was seen of the bot in this range, or from `begin` on, in spans of `step` seconds, in which only `figures` need be
    known.
    """
    begin = begin or span.begins(now)
    # What is complete comes folded. Raw sightings need Python: one may stand for several stretches of time.
    folds = span.resolution > FINEST
    complete = [max(begin, floor(now - LATE, step))] if folds else []
    rows = _samples(span.resolution, step, figures)(bot_id, begin, *complete, *_since(span.resolution, now))
    found = _each_once([(row[0], Span(row[1], row[2], tuple(row[3:]))) for row in rows])
    if not folds:
        found = [each for one in found for each in (stretches(one) if one.count > 1 else (one,))]
    return fold(found, step)


def _finer(resolution: int) -> tuple[int, ...]:
    """From this resolution to the finest one."""
    return RESOLUTIONS[RESOLUTIONS.index(resolution) :: -1]


def _since(resolution: int, now: datetime) -> list[datetime]:
    """From when on samples of finer resolutions are read: only where coarser ones may not be there yet."""
    return [floor(now - LATE, coarser) for coarser in _finer(resolution)[:-1]]


@cache
def _samples(resolution: int, step: int, figures: tuple[KeptFigure, ...]) -> Prepared:
    """The bot's samples since a time. Coarse ones come folded until another time, and finer ones each since one of their own."""
    finer = _finer(resolution)

    def asked(bot_id: uuid.UUID, begin: datetime, *since: datetime) -> QuerySet[Sample, Any]:
        each_since = since if resolution > FINEST else (begin,)
        wanted = reduce(
            or_, (Q(resolution=one, at__gte=at) for one, at in zip(finer, each_since, strict=True))
        )
        each = Sample.objects.filter(wanted, bot_id=bot_id).values_list("resolution", *FIELDS)
        return (
            folded(resolution, step, figures, bot_id, begin, since[0]).union(each, all=True)
            if since
            else each
        )

    # Where nothing is folded, there is only one resolution.
    times = [datetime(2000, 1, 1 + day, tzinfo=UTC) for day in range(len(finer) + (resolution > FINEST))]
    return Prepared(asked, uuid.UUID(int=1), *times, of_numbers=True)


def _each_once(found: list[tuple[int, Span]]) -> list[Span]:
    """Leave out what a coarser sample already contains."""
    by_resolution: dict[int, list[Span]] = {}
    for resolution, span in found:
        by_resolution.setdefault(resolution, []).append(span)
    kept, coarser = list[Span](), list[tuple[int, set[datetime]]]()
    for resolution in sorted(by_resolution, reverse=True):
        spans = by_resolution[resolution]
        begins = {span.at for span in spans}
        if coarser:
            spans = [s for s in spans if not any(floor(s.at, r) in begun for r, begun in coarser)]
        kept += spans
        coarser.append((resolution, begins))
    return kept
