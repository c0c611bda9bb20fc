"""Counts of how often something was done, kept in the database: shared by all servers and kept over restarts.

A row is written before the thing is done, so that many at once, in any number of processes, cannot exceed the
limit.
"""

import hashlib
from datetime import datetime, timedelta

from django.utils import timezone

from butt.limits.models import Count
from butt.limits.slowed import note
from butt.limits.table import Limit


class TooOften(Exception):
    """It was done as often as `limit` allows. It may be tried again in `seconds`."""

    def __init__(self, limit: Limit, seconds: int) -> None:
        super().__init__(f"{limit.name}: {seconds} s")
        self.limit, self.seconds = limit, seconds


def count(*counted: tuple[Limit, str]) -> list[int]:
    """Count one for each limit and whom it applies to; returns the ids of the rows. If it raises `TooOften`,
    nothing is counted.
    """
    now = timezone.now()
    mine = [_row(limit, who, now).id for limit, who in counted]
    for limit, who in counted:
        recent = Count.objects.filter(key=_key(limit, who), until__gte=now)
        if recent.count() > limit.most:
            Count.objects.filter(id__in=mine).delete()
            oldest = recent.order_by("until").values_list("until", flat=True).first() or now
            note(limit, who)
            raise TooOften(limit, max(1, int((oldest - now).total_seconds())))
    return mine


def uncount(ids: list[int]) -> None:
    """Remove these counts: what they stand for did not happen, or does not matter."""
    Count.objects.filter(id__in=ids).delete()


def forget(limit: Limit, who: str) -> None:
    """Start counting for `who` from zero."""
    Count.objects.filter(key=_key(limit, who)).delete()


def forget_what_is_over(now: datetime) -> None:
    """A chore. Each count only considers rows that have not expired, and need not delete the others."""
    Count.objects.filter(until__lt=now).delete()


def _row(limit: Limit, who: str, now: datetime) -> Count:
    until = now + timedelta(seconds=limit.seconds)
    return Count.objects.create(key=_key(limit, who), until=until)


def _key(limit: Limit, who: str) -> str:
    """A digest, so that the table does not reveal who tried, or with whom."""
    return hashlib.sha256(f"{limit.name} {who}".encode()).hexdigest()
