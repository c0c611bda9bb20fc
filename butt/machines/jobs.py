"""Jobs to machines: asked by whoever wants something of a bot, carried out by the steward.

The row is the work: should the steward be killed in the middle, its claim ends, and the job is done again.
"""

import uuid
from collections import Counter
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from butt.leases import claim, free
from butt.machines.models import MachineJob, Placement

SIZES, MOVE = "stock", "move"
CLAIM = timedelta(seconds=30)
PATIENCE = timedelta(minutes=10)
"""For how long an answer that nobody has taken is the answer to the same question."""

SIZES_FRESH = timedelta(seconds=20)
KEPT = timedelta(days=1)


def ask(bot_id: uuid.UUID, what: str) -> MachineJob | None:
    """The job that is under way already, or has just been done, or a new one; None where the bot has no machine."""
    row = Placement.objects.filter(bot_id=bot_id).first()
    if row is None:
        return None
    since = timezone.now() - (SIZES_FRESH if what == SIZES else PATIENCE)
    same = MachineJob.objects.filter(
        bot_id=bot_id, what=what, trouble="", taken_at=None, created_at__gte=since
    )
    return same.order_by("-created_at").first() or MachineJob.objects.create(
        machine_id=row.machine_id, bot_id=bot_id, what=what
    )


def ask_anew(row: Placement, what: str) -> MachineJob:
    """An job of one's own: what came before is no answer to it."""
    return MachineJob.objects.create(machine_id=row.machine_id, bot_id=row.bot_id, what=what)


def take(job: MachineJob) -> bool:
    """What came is for one reader: whether that is us."""
    return MachineJob.objects.filter(id=job.id, taken_at=None).update(taken_at=timezone.now()) == 1


def waiting(now: datetime, most: int, under_way: Counter[uuid.UUID], share: int) -> list[MachineJob]:
    """Up to `most` that nobody works on, the oldest first, as one's own from now on.

    No machine is to have more than its `share` of what is `under_way`.
    """
    found = MachineJob.objects.filter(
        free("claimed_at", now - CLAIM), done_at=None, created_at__gte=now - PATIENCE
    )
    mine: list[MachineJob] = []
    busy = Counter(under_way)
    while len(mine) < most:
        full = [machine for machine, count in busy.items() if count >= share]
        others = found.exclude(machine_id__in=full).exclude(id__in=[row.id for row in mine])
        row = others.select_related("machine").order_by("created_at").first()
        if row is None:
            break
        busy[row.machine_id] += 1
        if claim(row, "claimed_at", now, done_at=None):
            mine.append(row)
    return mine


def is_lost(job: MachineJob) -> bool:
    """Whether nobody works on it, nor will: it waited too long while nobody was there to carry it out."""
    now = timezone.now()
    is_held = job.claimed_at is not None and job.claimed_at > now - 2 * CLAIM
    return job.done_at is None and job.created_at < now - PATIENCE and not is_held


def hold(ids: Collection[uuid.UUID], now: datetime) -> None:
    """These are still being worked on."""
    MachineJob.objects.filter(id__in=ids, done_at=None).update(claimed_at=now)


def done(errand_id: uuid.UUID, answer: Any = None, trouble: str = "") -> None:
    """It is over, well or not. The first word holds: who found the reason may be another than who sees that nothing came of it."""
    MachineJob.objects.filter(id=errand_id, done_at=None).update(
        done_at=timezone.now(), answer={} if answer is None else answer, trouble=trouble[:300]
    )


def forget_old(now: datetime) -> None:
    MachineJob.objects.filter(created_at__lt=now - KEPT).delete()
