"""Noting who is slowed down. A note costs nothing where it is made; a thread writes what came together every few seconds.

Rows about an address or a person are forgotten after a day; how often each limit held stays.
"""

import logging
import threading
import time
from collections import Counter
from datetime import datetime, timedelta

from django.db import close_old_connections, connection, transaction
from django.db.models import F
from django.utils import timezone

from butt.limits.models import Slowed
from butt.limits.table import Limit

log = logging.getLogger("butt.limits")

EVERY = 5.0
MOST_NOTED = 1000
"""How many different ones are told apart between two writes. More than that are counted together."""

MANY = "many others"
KEPT = timedelta(days=1)

_lock = threading.Lock()
_noted: Counter[tuple[str, str]] = Counter()


def note(limit: Limit, who: str) -> None:
    """`who` ran into `limit` just now."""
    key = (limit.name, who[:100])
    with _lock:
        if key not in _noted and len(_noted) >= MOST_NOTED:
            key = (limit.name, MANY)
        _noted[key] += 1


def keep_noting() -> None:
    """Write what is noted from now on, for as long as this process lives."""
    threading.Thread(target=_write_for_ever, name="slowed", daemon=True).start()


def write_noted() -> None:
    """Write what was noted until now; should that fail, it is noted still."""
    global _noted  # noqa: PLW0603 - one for the process
    with _lock:
        noted, _noted = _noted, Counter()
    try:
        _write(noted)
    except BaseException:
        with _lock:
            _noted += noted
        raise


def forget_old(now: datetime) -> None:
    """For the part of the service that does chores."""
    Slowed.objects.filter(last_at__lt=now - KEPT).exclude(who="").delete()


@transaction.atomic
def _write(noted: Counter[tuple[str, str]]) -> None:
    """All of it or nothing: what fails is noted still, and would be counted twice where a part was written."""
    now = timezone.now()
    totals = Counter[tuple[str, str]]()
    for (limit, _), times in noted.items():
        totals[limit, ""] += times
    for (limit, who), times in sorted((noted + totals).items()):
        rows = Slowed.objects.filter(limit=limit, who=who)
        if rows.update(times=F("times") + times, last_at=now):
            continue
        fresh = {"first_at": now, "last_at": now, "times": times}
        _, made = Slowed.objects.get_or_create(limit=limit, who=who, defaults=fresh)
        if not made:
            rows.update(times=F("times") + times, last_at=now)


def _write_for_ever() -> None:
    while True:
        time.sleep(EVERY)
        if not _noted:
            continue
        try:
            close_old_connections()
            write_noted()
        except Exception:
            log.exception("cannot write who was slowed down; trying again in %g s", EVERY)
        finally:
            # Kept open, it would be one more for each server, for something that hardly ever happens.
            connection.close()
