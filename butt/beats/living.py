"""Which parts live, as their rows say. Times are the database's own, as clocks of machines differ."""

from collections.abc import Iterable
from datetime import timedelta

from django.db.models import QuerySet
from django.db.models.functions import Now

from butt.beats.models import Beat

EVERY = timedelta(seconds=5)
DEAD = timedelta(seconds=20)
FORGOTTEN = timedelta(days=1)

PARTS = ("public", "private", "steward", "monitor")
"""Those that every service has."""


def living() -> frozenset[str]:
    """The parts of which at least one process beats."""
    return frozenset(_recent().values_list("part", flat=True))


def beats() -> Iterable[Beat]:
    """The row of each process that lives, in the order in which they began."""
    return _recent().order_by("part", "began_at")


def forget_old() -> None:
    """Remove the rows of processes that ended long ago."""
    Beat.objects.filter(at__lt=Now() - FORGOTTEN).delete()


def _recent() -> QuerySet[Beat]:
    # A beat of tomorrow is that of a process that died while the clock was ahead.
    return Beat.objects.filter(at__gt=Now() - DEAD, at__lt=Now() + DEAD)
