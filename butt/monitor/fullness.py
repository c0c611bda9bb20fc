"""E-mails to the owners of a bot that has nearly used up what it may, and when it has. One for each, until there is some again."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from butt.accounts.outbox import send_due
from butt.agents.limits import FULL, NEARLY
from butt.agents.models import Observed
from butt.agents.traffic import in_month, month_of
from butt.configuration import configuration
from butt.figures import units
from butt.figures.models import Fullness
from butt.monitor.wanted_letters import owners_who_want_letters

if TYPE_CHECKING:
    from django.db.models import QuerySet

AGAIN_BELOW = 70
"""Below this part of 100 whoever was told is told again the next time."""


class Kind(NamedTuple):
    """What a bot may use up: the column with how many of 100 parts it did, which rows count now, and what owners are told."""

    what: Fullness.What
    column: str
    current: Callable[[datetime], "QuerySet[Observed]"]
    words: Callable[[Fullness], tuple[str, str]]


def tell_of_fullness(now: datetime) -> None:
    """One look at who has used up what they may; the e-mails that are due."""
    for kind in KINDS:
        _tell(kind, now)


def _tell(kind: Kind, now: datetime) -> None:
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
    send_due(
        marks.filter(told_at=None).select_related("bot__observed"),
        "told_at",
        now,
        people=lambda row: owners_who_want_letters(row.bot),
        words=kind.words,
    )


def _of_disk(row: Fullness) -> tuple[str, str]:
    name, link = _name_and_link(row)
    most = units.size((row.bot.observed.room or {}).get("most", 0))
    switch = f"See what uses the disk, or turn off these e-mails:\n\n{link}\n"
    if row.percent == FULL:
        text = (
            f"{name} may take {most} of disk, and that is used up. It removes blobs to make room for others, and may take "
            f"messages only of whom it follows. {switch}"
        )
        return f"{name} has used up its disk", text
    text = (
        f"{name} may take {most} of disk, and {NEARLY} % of that is used. When it is full, it removes blobs to make room, and "
        f"takes messages only of whom it follows. {switch}"
    )
    return f"{name} has nearly used up its disk", text


def _of_traffic(row: Fullness) -> tuple[str, str]:
    name, link = _name_and_link(row)
    seen = row.bot.observed.traffic or {}
    most = units.size(seen.get("most", 0))
    month = in_month(seen or None, None, datetime.now(UTC))
    ends = f"{month.ends:%-d %B}" if month else "the first of next month"
    rule = "serves only its members and those with an invite, with messages but without blobs and tunnels"
    switch = f"The count begins anew on {ends} (UTC). See the figures, or turn off these e-mails:\n\n{link}\n"
    if row.percent == FULL:
        text = f"{name} may send and receive {most} a month, and that is used up. Now it {rule}. {switch}"
        return f"{name} has used up its traffic of this month", text
    text = (
        f"{name} may send and receive {most} a month, and {NEARLY} % of that is used. When all of it is used, it {rule}. "
        f"{switch}"
    )
    return f"{name} has nearly used up its traffic of this month", text


def _name_and_link(row: Fullness) -> tuple[str, str]:
    settings = configuration()
    return f"{row.bot.name}.{settings.domain}", f"{settings.public_url}/bots/{row.bot.name}/status"


KINDS = (
    Kind(Fullness.What.DISK, "full", lambda _: Observed.objects.all(), _of_disk),
    Kind(
        Fullness.What.TRAFFIC,
        "traffic_full",
        lambda now: Observed.objects.filter(traffic__month=month_of(now)),
        _of_traffic,
    ),
)
