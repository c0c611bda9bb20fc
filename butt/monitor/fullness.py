"""Tells owners when a bot has nearly used up its disk or traffic, and when it has: once, until it uses less again."""

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from django.db import transaction

from butt.accounts.owners import owners_of
from butt.agents.limits import FULL, NEARLY
from butt.agents.models import Observed
from butt.agents.traffic import in_month, month_of
from butt.figures import units
from butt.figures.models import Fullness
from butt.outbox.posting import post

if TYPE_CHECKING:
    from django.db.models import QuerySet

MOST_AT_ONCE = 20
AGAIN_BELOW = 70
"""Below this part of 100 whoever was told is told again the next time."""


class Kind(NamedTuple):
    """What a bot may use up: the column with how many of 100 parts it did, which rows count now, and what owners are told."""

    what: Fullness.What
    column: str
    current: Callable[[datetime], "QuerySet[Observed]"]
    values: Callable[[Observed, datetime], dict[str, Any]]


def tell_of_fullness(now: datetime) -> None:
    """Look once at which bots are full, and post what their owners should be told."""
    for kind in KINDS:
        _look(kind, now)


def _look(kind: Kind, now: datetime) -> None:
    marks, seen = Fullness.objects.filter(what=kind.what), kind.current(now)
    some_again = seen.filter(**{f"{kind.column}__lt": AGAIN_BELOW})
    marks.filter(bot__in=some_again.values("bot")).delete()
    # What was used of a month that is over says nothing of this one.
    marks.exclude(bot__in=seen.values("bot")).delete()
    for percent in (FULL, NEARLY):
        fresh = seen.filter(alive=True, **{f"{kind.column}__gte": percent}).exclude(
            bot__in=marks.filter(percent=percent).values("bot")
        )
        rows = [
            Fullness(bot_id=bot_id, what=kind.what, percent=percent)
            for bot_id in fresh.values_list("bot_id", flat=True)
        ]
        Fullness.objects.bulk_create(rows, ignore_conflicts=True)
    # Who hears that it is used up need not hear that it is nearly so.
    full = marks.filter(percent=FULL).values("bot")
    marks.filter(percent=NEARLY, told_at=None, bot__in=full).update(told_at=now)
    for row in marks.filter(told_at=None).select_related("bot__observed")[:MOST_AT_ONCE]:
        _tell(kind, row, now)


def _tell(kind: Kind, row: Fullness, now: datetime) -> None:
    bot = row.bot
    with transaction.atomic():
        post(
            f"{kind.what}-full" if row.percent == FULL else f"{kind.what}-nearly-full",
            str(row.pk),
            owners_of(bot),
            now,
            bot=bot.full_name,
            percent=NEARLY,
            link=f"/bots/{bot.name}/status",
            **kind.values(bot.observed, now),
        )
        Fullness.objects.filter(pk=row.pk).update(told_at=now)


def _of_disk(observed: Observed, _now: datetime) -> dict[str, Any]:
    return {"most": units.size((observed.room or {}).get("most", 0))}


def _of_traffic(observed: Observed, now: datetime) -> dict[str, Any]:
    seen = observed.traffic or {}
    month = in_month(seen or None, None, now)
    return {"most": units.size(seen.get("most", 0)), "ends": month.ends if month else None}


KINDS = (
    Kind(Fullness.What.DISK, "full", lambda _: Observed.objects.all(), _of_disk),
    Kind(
        Fullness.What.TRAFFIC,
        "traffic_full",
        lambda now: Observed.objects.filter(traffic__month=month_of(now)),
        _of_traffic,
    ),
)
