"""E-mails to the owner of a bot that leaves: one at the start, one a day before its data is removed."""

from datetime import datetime, timedelta

from django.db.models import F, Q, QuerySet

from butt.accounts.outbox import MOST_AT_ONCE, send_due
from butt.accounts.owners import owners_of
from butt.agents.models import Wanted
from butt.configuration import configuration
from butt.leaving.models import Farewell

BEFORE = timedelta(days=1)


def tell_of_leaving(now: datetime) -> None:
    """One look at which bots leave; the e-mails that are due."""
    _note(now)
    _send(Farewell.objects.filter(told_at=None), "told_at", now)
    # Whose time was short heard of it at the start.
    soon = Q(gone_at__lte=now + BEFORE, told_at__lt=F("gone_at") - BEFORE, reminded_at=None)
    _send(Farewell.objects.filter(soon), "reminded_at", now)


def _note(now: datetime) -> None:
    leaving = Wanted.objects.filter(gone_at__gt=now)
    for wanted in leaving.exclude(bot__farewell__gone_at=F("gone_at"))[:MOST_AT_ONCE]:
        fresh = {"gone_at": wanted.gone_at, "told_at": None, "reminded_at": None}
        Farewell.objects.update_or_create(bot_id=wanted.bot_id, defaults=fresh)
    Farewell.objects.filter(bot__wanted__gone_at=None).delete()


def _send(due: QuerySet[Farewell], mark: str, now: datetime) -> None:
    send_due(
        due.select_related("bot"),
        mark,
        now,
        people=lambda row: owners_of(row.bot),
        words=lambda row: _words(row, last=mark == "reminded_at"),
        unchanged="gone_at",
    )


def _words(row: Farewell, *, last: bool) -> tuple[str, str]:
    settings = configuration()
    name = f"{row.bot.name}.{settings.domain}"
    link = f"{settings.public_url}/bots/{row.bot.name}"
    until = f"{row.gone_at:%d %B, %H:%M} UTC"
    text = (
        f"We keep its data until {until}. Until then you can restore it, or export what is yours:\n\n{link}\n"
    )
    if last:
        return f"{name} is gone in a day", f"You deleted {name}. Its data will be removed in a day. {text}"
    return f"{name} is leaving", f"You deleted {name}: it has stopped. {text}"
