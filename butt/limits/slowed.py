"""Noting who is slowed down. A note costs nothing where it is made; a thread writes what came together every few seconds.

Rows about an address or a person are forgotten after a day; how often each limit held stays. A crowd must not be able to
keep us busy with writing down who it is: only those that ran into a limit most often get a row of their own.
"""

import logging
import threading
import time
from collections import Counter
from datetime import datetime, timedelta

from django.db import close_old_connections, connection, transaction
from django.utils import timezone

from butt.limits.models import Slowed
from butt.limits.table import Limit

log = logging.getLogger("butt.limits")

EVERY = 5.0
MOST_NOTED = 1000
"""How many different ones are told apart between two writes. More than that are counted together."""

MOST_NAMED = 50
"""How many of them get a row of their own. The others are counted together."""

MOST_ROWS = 10_000
"""How many rows are kept about addresses and persons: the newest."""

MANY = "many others"
KEPT = timedelta(days=1)

WRITE = """
    INSERT INTO limits_slowed ("limit", who, first_at, last_at, times) VALUES (%s, %s, %s, %s, %s)
    ON CONFLICT ("limit", who) DO UPDATE
    SET times = limits_slowed.times + excluded.times, last_at = excluded.last_at
"""

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
    named = Slowed.objects.exclude(who="")
    named.filter(last_at__lt=now - KEPT).delete()
    older = named.order_by("-last_at").values_list("last_at", flat=True)[MOST_ROWS : MOST_ROWS + 1]
    named.filter(last_at__lte=next(iter(older), now - KEPT)).delete()


@transaction.atomic
def _write(noted: Counter[tuple[str, str]]) -> None:
    """All of it or nothing: what fails is noted still, and would be counted twice where a part was written.

    In the same order in all servers, so that none waits for another that waits for it.
    """
    now = connection.ops.adapt_datetimefield_value(timezone.now())
    written = Counter[tuple[str, str]]()
    for place, ((limit, who), times) in enumerate(noted.most_common()):
        written[limit, ""] += times
        written[limit, who if place < MOST_NAMED else MANY] += times
    with connection.cursor() as cursor:
        cursor.executemany(
            WRITE, [(limit, who, now, now, times) for (limit, who), times in sorted(written.items())]
        )


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
