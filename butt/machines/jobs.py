"""Jobs for machines: requested by code that wants something of a bot, carried out by the steward.

The row is the queue: if the steward is killed in the middle, its claim expires and the job is done again.
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
"""How long an answer that nobody has taken still answers the same question."""

SIZES_FRESH = timedelta(seconds=20)
KEPT = timedelta(days=1)


def ask(bot_id: uuid.UUID, what: str) -> MachineJob | None:
    """The job that is under way or was just done, or else a new one; None if the bot has no machine."""
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
    """A new job of the caller's own: no earlier answer is used."""
    return MachineJob.objects.create(machine_id=row.machine_id, bot_id=row.bot_id, what=what)


def take(job: MachineJob) -> bool:
    """Take the answer, which is for one reader; whether the caller is that one."""
    return MachineJob.objects.filter(id=job.id, taken_at=None).update(taken_at=timezone.now()) == 1


def waiting(now: datetime, most: int, under_way: Counter[uuid.UUID], share: int) -> list[MachineJob]:
    """Claim up to `most` jobs that nobody works on, the oldest first.

    No machine gets more than its `share` of what is `under_way`.
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
    """Whether nobody works on the job, and nobody will: it waited too long without a steward to carry it out."""
    now = timezone.now()
    is_held = job.claimed_at is not None and job.claimed_at > now - 2 * CLAIM
    return job.done_at is None and job.created_at < now - PATIENCE and not is_held


def hold(ids: Collection[uuid.UUID], now: datetime) -> None:
    """Renew the claim on jobs that are still being worked on."""
    MachineJob.objects.filter(id__in=ids, done_at=None).update(claimed_at=now)


def done(job_id: uuid.UUID, answer: Any = None, trouble: str = "") -> None:
    """Finish a job, successful or not. The first report counts: a later one may only see that nothing came of the job."""
    MachineJob.objects.filter(id=job_id, done_at=None).update(
        done_at=timezone.now(), answer={} if answer is None else answer, trouble=trouble[:300]
    )


def forget_old(now: datetime) -> None:
    MachineJob.objects.filter(created_at__lt=now - KEPT).delete()
