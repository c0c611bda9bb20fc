"""Noting who is slowed down. A note only adds to a counter; a thread writes the counters every few seconds.

Rows about an address or a person are deleted after a day; how often each limit applied is kept. A crowd must
not be able to keep us busy recording who is in it: only those who ran into a limit most often get a row of
their own.
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
"""How many different ones are told apart between two writes. Any more are counted together."""

MOST_NAMED = 50
"""How many of them get a row of their own. The others are counted together."""

MOST_ROWS = 10_000
"""How many rows about addresses and persons are kept: the newest."""

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
    """Note that `who` ran into `limit` just now."""
    key = (limit.name, who[:100])
    with _lock:
        if key not in _noted and len(_noted) >= MOST_NOTED:
            key = (limit.name, MANY)
        _noted[key] += 1


def keep_noting() -> None:
    """From now on, write what is noted, for as long as this process lives."""
    threading.Thread(target=_write_for_ever, name="slowed", daemon=True).start()


def write_noted() -> None:
    """Write what was noted until now. If that fails, it stays noted."""
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
    """A chore."""
    named = Slowed.objects.exclude(who="")
    named.filter(last_at__lt=now - KEPT).delete()
    older = named.order_by("-last_at").values_list("last_at", flat=True)[MOST_ROWS : MOST_ROWS + 1]
    named.filter(last_at__lte=next(iter(older), now - KEPT)).delete()


@transaction.atomic
def _write(noted: Counter[tuple[str, str]]) -> None:
    """Write all or nothing: what fails stays noted, and would be counted twice if a part of it had been written.

    Rows are written in the same order on all servers, to avoid deadlocks.
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
            # Keeping it open would cost one more connection per server, for something that rarely happens.
            connection.close()
