"""How often something was done, counted in the database: the same for all servers, and after a restart.

Each is a row before it is done, so that many at once, in any number of processes, are no more than one after the other.
"""

import hashlib
from datetime import datetime, timedelta

from django.utils import timezone

from butt.limits.models import Count
from butt.limits.slowed import note
from butt.limits.table import Limit


class TooOften(Exception):
    """It was done as often as `limit` allows. Again in `seconds`."""

    def __init__(self, limit: Limit, seconds: int) -> None:
        super().__init__(f"{limit.name}: {seconds} s")
        self.limit, self.seconds = limit, seconds


def count(*counted: tuple[Limit, str]) -> list[int]:
    """Count one for each limit and whom it counts; the ids of their rows. Raises `TooOften`, and then counts nothing."""
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
    """What was counted under these ids did not come to pass, or is no matter."""
    Count.objects.filter(id__in=ids).delete()


def forget(limit: Limit, who: str) -> None:
    """Begin anew with `who`."""
    Count.objects.filter(key=_key(limit, who)).delete()


def forget_what_is_over(now: datetime) -> None:
    """For the part of the service that does chores. Each try counts what is not over alone, and need not remove the rest."""
    Count.objects.filter(until__lt=now).delete()


def _row(limit: Limit, who: str, now: datetime) -> Count:
    until = now + timedelta(seconds=limit.seconds)
    return Count.objects.create(key=_key(limit, who), until=until)


def _key(limit: Limit, who: str) -> str:
    """A digest: the table tells nobody who tried, or whom."""
    return hashlib.sha256(f"{limit.name} {who}".encode()).hexdigest()
