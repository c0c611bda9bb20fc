"""Owners are told when a bot has been down for long, and when it is back: by email, and over their webhook.

A bot that is stopped on purpose is not down.
"""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Q, QuerySet

from butt.accounts.owners import owners_of
from butt.agents.models import Agent
from butt.agents.states import SHOULD_ANSWER
from butt.configuration import configuration
from butt.figures.models import Outage
from butt.outbox.posting import post, post_after, withdraw
from butt.reasons import Reason

MOST_AT_ONCE = 20


def tell_owners(now: datetime) -> None:
    """Look once at which bots are down, and post what their owners should be told."""
    _note(now)
    after = timedelta(seconds=configuration().down_seconds)
    long = Outage.objects.filter(ended_at=None, told_at=None, began_at__lte=now - after)
    for outage in long.select_related("bot__progress")[:MOST_AT_ONCE]:
        _tell(outage, now)
    over = Outage.objects.exclude(ended_at=None).exclude(told_at=None).filter(told_end_at=None)
    for outage in over.select_related("bot")[:MOST_AT_ONCE]:
        _tell_end(outage, now)


def _wanted_up() -> QuerySet[Agent]:
    return Agent.objects.filter(
        type=Agent.Type.BOT, wanted__run=True, wanted__gone_at=None, progress__state__in=SHOULD_ANSWER
    )


def _note(now: datetime) -> None:
    answers = Q(observed__alive=True, observed__launch=F("progress__launch"))
    down = _wanted_up().exclude(answers)
    fresh = down.exclude(outages__in=Outage.objects.filter(ended_at=None))
    Outage.objects.bulk_create([Outage(bot=bot, began_at=now) for bot in fresh], ignore_conflicts=True)
    open_ones = Outage.objects.filter(ended_at=None)
    open_ones.filter(bot__in=_wanted_up().filter(answers)).update(ended_at=now)
    # Stopped, unpaid or deleted in the meantime: the outage is over, and nobody is told.
    over = open_ones.exclude(bot__in=_wanted_up())
    for outage in over.exclude(told_at=None):
        withdraw("down", str(outage.pk))
    over.update(ended_at=now, told_end_at=now)
    Outage.objects.filter(ended_at__lt=now - timedelta(days=30)).delete()


def _tell(outage: Outage, now: datetime) -> None:
    bot = outage.bot
    with transaction.atomic():
        post(
            "down",
            str(outage.pk),
            owners_of(bot),
            now,
            at=outage.began_at,
            reason=bot.progress.reason or Reason("answers-not"),
            **_which(bot),
        )
        Outage.objects.filter(pk=outage.pk).update(told_at=now)


def _tell_end(outage: Outage, now: datetime) -> None:
    with transaction.atomic():
        post_after("up", "down", str(outage.pk), now, at=outage.ended_at, **_which(outage.bot))
        Outage.objects.filter(pk=outage.pk).update(told_end_at=now)


def _which(bot: Agent) -> dict[str, str]:
    return {"bot": bot.full_name, "link": f"/bots/{bot.name}/status"}
