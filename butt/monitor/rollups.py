"""Keeping samples small: fine ones are rolled up into coarse ones, and removed when they are old."""

import time
from datetime import datetime, timedelta
from itertools import groupby, pairwise
from operator import itemgetter
from typing import Any

from django.db import transaction

from butt.agents.models import Agent
from butt.figures.models import RolledUp, Sample
from butt.figures.series import RESOLUTIONS
from butt.figures.spans import FIELDS, Span, floor, merge
from butt.monitor.rows import Rows

KEPT = {10: timedelta(hours=1), 60: timedelta(days=1), 3600: timedelta(days=30)}
"""How long samples of each resolution are kept; those of a day for ever."""

GRACE = timedelta(seconds=15)
"""How long after its end a stretch is rolled up: what was seen in it may be written a little later."""

MOST_ROWS = 500
BREATH = 0.05

_samples = Rows(Sample, ("bot_id", "resolution", *FIELDS), keys=3)


def roll_up_and_prune(now: datetime) -> bool:
    """One step of either. What is old is removed after it was rolled up, so one must not wait for the other's turn."""
    return roll_up(now) or prune(now)


def roll_up(now: datetime) -> bool:
    """One step: one stretch of time of one resolution, for all bots. Whether there may be more to do."""
    _set_right(now)
    return any(_roll(finer, coarser, now) for finer, coarser in pairwise(RESOLUTIONS))


def prune(now: datetime) -> bool:
    """One step: remove some samples that are old and rolled up. Whether there may be more to do."""
    return any(_prune(finer, coarser, now) for finer, coarser in pairwise(RESOLUTIONS))


def _set_right(now: datetime) -> None:
    """Undo marks in the future, left by a clock that was ahead."""
    for done in RolledUp.objects.filter(until__gt=now):
        done.until = floor(now, done.resolution)
        done.save(update_fields=["until"])


def _roll(finer: int, coarser: int, now: datetime) -> bool:
    length = timedelta(seconds=coarser)
    done = RolledUp.objects.filter(resolution=coarser).first()
    # A finer stretch that has yet to be made may belong to this one.
    ready = _ready(finer, now)
    fine = Sample.objects.filter(resolution=finer)
    since = fine.filter(at__gte=done.until) if done else fine
    first = since.order_by("at").values_list("at", flat=True).first()
    begin = floor(first, coarser) if first else None
    if begin is None or begin + length > ready:
        return False
    rows = fine.filter(at__gte=begin, at__lt=begin + length).order_by("bot_id")
    found = rows.values_list("bot_id", *FIELDS).iterator(chunk_size=MOST_ROWS)
    made = []
    for bot_id, theirs in groupby(found, key=itemgetter(0)):
        span = merge(begin, [Span(row[1], row[2], row[3:]) for row in theirs])
        made.append((bot_id, coarser, span.at, span.count, *span.values))
    for start in range(0, len(made), MOST_ROWS):
        # SQLite has one writer at a time, and no queue: the watchers get a turn between our writes.
        time.sleep(BREATH if start else 0)
        _keep(made[start : start + MOST_ROWS])
    RolledUp.objects.update_or_create(resolution=coarser, defaults={"until": begin + length})
    return True


def _ready(finer: int, now: datetime) -> datetime:
    """Until when samples of resolution `finer` are complete."""
    if finer == RESOLUTIONS[0]:
        return now - GRACE
    # Whatever is older than the first fine sample that is not rolled up is complete, even if nothing was seen.
    below = RESOLUTIONS[RESOLUTIONS.index(finer) - 1]
    done = RolledUp.objects.filter(resolution=finer).first()
    fine = Sample.objects.filter(resolution=below)
    first = (fine.filter(at__gte=done.until) if done else fine).order_by("at").first()
    ready = _ready(below, now)
    return min(ready, floor(first.at, finer)) if first else ready


@transaction.atomic
def _keep(made: list[tuple[Any, ...]]) -> None:
    """Writing it again gives the same result: an interrupted roll-up is simply repeated."""
    bots = Agent.objects.filter(id__in={bot_id for bot_id, *_ in made})
    living = set(bots.values_list("id", flat=True))
    _samples.put(row for row in made if row[0] in living)


def _prune(finer: int, coarser: int, now: datetime) -> bool:
    done = RolledUp.objects.filter(resolution=coarser).first()
    if done is None:
        return False
    old = Sample.objects.filter(resolution=finer, at__lt=min(now - KEPT[finer], done.until))
    ids = list(old.order_by("at").values_list("id", flat=True)[:MOST_ROWS])
    Sample.objects.filter(id__in=ids).delete()
    return len(ids) == MOST_ROWS
