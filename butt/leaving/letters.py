"""Tells the owners of a bot that leaves: at the start, and a day before its data is removed."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Q, QuerySet

from butt.accounts.owners import owners_of
from butt.agents.models import Wanted
from butt.leaving.models import Farewell
from butt.outbox.posting import post, withdraw

BEFORE = timedelta(days=1)
MOST_AT_ONCE = 20


def tell_of_leaving(now: datetime) -> None:
    """Look once at which bots leave, and post what their owners should be told."""
    _note(now)
    _post("leaving", Farewell.objects.filter(told_at=None), "told_at", now)
    # Whose time was short heard of it at the start.
    soon = Q(gone_at__lte=now + BEFORE, told_at__lt=F("gone_at") - BEFORE, reminded_at=None)
    _post("gone-soon", Farewell.objects.filter(soon), "reminded_at", now)


def _note(now: datetime) -> None:
    leaving = Wanted.objects.filter(gone_at__gt=now)
    for wanted in leaving.exclude(bot__farewell__gone_at=F("gone_at"))[:MOST_AT_ONCE]:
        fresh = {"gone_at": wanted.gone_at, "told_at": None, "reminded_at": None}
        Farewell.objects.update_or_create(bot_id=wanted.bot_id, defaults=fresh)
    for restored in Farewell.objects.filter(bot__wanted__gone_at=None):
        withdraw("leaving", _about(restored))
        withdraw("gone-soon", _about(restored))
        restored.delete()


def _post(event: str, due: QuerySet[Farewell], mark: str, now: datetime) -> None:
    for row in due.select_related("bot")[:MOST_AT_ONCE]:
        with transaction.atomic():
            post(
                event,
                _about(row),
                owners_of(row.bot),
                now,
                bot=row.bot.full_name,
                until=row.gone_at,
                link=f"/bots/{row.bot.name}",
            )
            Farewell.objects.filter(bot=row.bot, gone_at=row.gone_at).update(**{mark: now})


def _about(row: Farewell) -> str:
    """Somebody who restores a bot and deletes it again is told again."""
    return f"{row.bot_id} {row.gone_at.isoformat()}"
