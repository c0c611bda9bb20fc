"""Which parts are alive, according to their rows. Times are the database's, as the clocks of machines differ."""

from collections.abc import Iterable
from datetime import timedelta

from django.db.models import QuerySet
from django.db.models.functions import Now

from butt.beats.models import Beat

EVERY = timedelta(seconds=5)
DEAD = timedelta(seconds=20)
FORGOTTEN = timedelta(days=1)

PARTS = ("public", "private", "steward", "monitor")
"""The parts that every service has."""


def living() -> frozenset[str]:
    """The parts of which at least one process is alive."""
    return frozenset(_recent().values_list("part", flat=True))


def beats() -> Iterable[Beat]:
    """The rows of all processes that are alive, by part and then by start time."""
    return _recent().order_by("part", "began_at")


def forget_old() -> None:
    """Delete the rows of processes that ended long ago."""
    Beat.objects.filter(at__lt=Now() - FORGOTTEN).delete()


def _recent() -> QuerySet[Beat]:
    # A beat in the future is from a process that died while the clock was ahead.
    return Beat.objects.filter(at__gt=Now() - DEAD, at__lt=Now() + DEAD)
