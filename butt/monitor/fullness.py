"""E-mails to the owner of a bot whose disk is nearly used up, and when it is. One for each, until there is room again."""

from datetime import datetime

from butt.accounts.outbox import send_due
from butt.agents.limits import FULL, NEARLY
from butt.agents.models import Observed
from butt.configuration import configuration
from butt.figures import units
from butt.figures.models import Fullness
from butt.monitor.wanted_letters import owners_who_want_letters

AGAIN_BELOW = 70
"""Below this part of 100 whoever was told is told again the next time."""


def tell_of_fullness(now: datetime) -> None:
    """One look at whose disk is used up; the e-mails that are due."""
    Fullness.objects.filter(bot__observed__full__lt=AGAIN_BELOW).delete()
    for percent in (FULL, NEARLY):
        fresh = Observed.objects.filter(alive=True, full__gte=percent).exclude(
            bot__in=Fullness.objects.filter(percent=percent).values("bot")
        )
        rows = [Fullness(bot_id=bot_id, percent=percent) for bot_id in fresh.values_list("bot_id", flat=True)]
        Fullness.objects.bulk_create(rows, ignore_conflicts=True)
    # Who hears that it is full need not hear that it is nearly so.
    full = Fullness.objects.filter(percent=FULL).values("bot")
    Fullness.objects.filter(percent=NEARLY, told_at=None, bot__in=full).update(told_at=now)
    send_due(
        Fullness.objects.filter(told_at=None).select_related("bot__observed"),
        "told_at",
        now,
        people=lambda row: owners_who_want_letters(row.bot),
        words=_words,
    )


def _words(row: Fullness) -> tuple[str, str]:
    settings, room = configuration(), row.bot.observed.room or {}
    name = f"{row.bot.name}.{settings.domain}"
    link = f"{settings.public_url}/bots/{row.bot.name}/status"
    most = units.size(room.get("most", 0))
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
