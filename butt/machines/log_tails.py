"""Logs of bots on machines: followed while somebody reads them, and deleted afterwards."""

import uuid
from datetime import datetime, timedelta

from django.utils import timezone

from butt.leases import claim, free
from butt.machines.models import LogTail, Placement

LONGEST = 256 * 1024
"""The most bytes of a log that are kept."""

READER = timedelta(seconds=20)
"""A reader who has not asked for this long has gone."""

NOTED = timedelta(seconds=5)
FRESH = timedelta(seconds=12)
FOLLOW = timedelta(seconds=60)
EARLY = timedelta(seconds=5)
KEPT = timedelta(minutes=10)


def want(bot_id: uuid.UUID) -> LogTail | None:
    """The log as it last arrived; from now on it is followed for a while. None if the bot has no machine."""
    now = timezone.now()
    row = Placement.objects.filter(bot_id=bot_id).first()
    if row is None:
        return None
    tail, _ = LogTail.objects.get_or_create(
        bot_id=bot_id, defaults={"machine_id": row.machine_id, "wanted_at": now}
    )
    if tail.wanted_at < now - NOTED or tail.machine_id != row.machine_id:
        LogTail.objects.filter(bot_id=bot_id).update(wanted_at=now, machine_id=row.machine_id)
    return tail


def is_current(tail: LogTail, now: datetime) -> bool:
    """Whether it shows the bot's log as it is now: the machine sends it every few seconds, changed or not."""
    return tail.read_at is not None and tail.read_at > now - FRESH


def to_follow(now: datetime) -> list[LogTail]:
    """Claim the tails that somebody reads and nobody follows."""
    ending = free("followed_until", now + EARLY)
    rows = LogTail.objects.filter(ending, wanted_at__gte=now - READER).select_related("machine")[:100]
    return [row for row in rows if claim(row, "followed_until", now + FOLLOW)]


def give_up(tail: LogTail) -> None:
    """The log could not be followed; it may be tried again."""
    LogTail.objects.filter(bot_id=tail.bot_id).update(followed_until=None)


def keep(minion_id: str, bot_id: uuid.UUID, text: str) -> bool:
    """Store what the machine sent; whether anybody still reads it."""
    now = timezone.now()
    mine = LogTail.objects.filter(bot_id=bot_id, machine__minion_id=minion_id, wanted_at__gte=now - READER)
    return mine.update(text=text, read_at=now) == 1


def forget_old(now: datetime) -> None:
    LogTail.objects.filter(wanted_at__lt=now - KEPT).delete()
