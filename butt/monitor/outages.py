"""E-mails to the owner of a bot that is down for long, and when it is back. One for each, and none twice.

A bot that is stopped on purpose is not down.
"""

from datetime import datetime, timedelta

from django.db.models import F, Q, QuerySet

from butt.accounts.outbox import send_due
from butt.agents.models import Agent
from butt.agents.states import SHOULD_ANSWER
from butt.configuration import configuration
from butt.figures.models import Outage
from butt.monitor.wanted_letters import owners_who_want_letters


def tell_owners(now: datetime) -> None:
    """One look at which bots are down; the e-mails that are due."""
    _note(now)
    after = timedelta(seconds=configuration().down_seconds)
    long = Outage.objects.filter(ended_at=None, told_at=None, began_at__lte=now - after)
    _send(long, "told_at", now)
    over = Outage.objects.exclude(ended_at=None).exclude(told_at=None).filter(told_end_at=None)
    _send(over, "told_end_at", now)


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
    # Stopped, unpaid or deleted meanwhile: over, and nothing to write home about.
    open_ones.exclude(bot__in=_wanted_up()).update(ended_at=now, told_end_at=now)
    Outage.objects.filter(ended_at__lt=now - timedelta(days=30)).delete()


def _send(due: QuerySet[Outage], mark: str, now: datetime) -> None:
    send_due(
        due.select_related("bot__progress"),
        mark,
        now,
        people=lambda outage: owners_who_want_letters(outage.bot),
        words=lambda outage: _words(outage, back=mark == "told_end_at"),
    )


def _words(outage: Outage, *, back: bool) -> tuple[str, str]:
    settings, bot = configuration(), outage.bot
    name = f"{bot.name}.{settings.domain}"
    link = f"{settings.public_url}/bots/{bot.name}/status"
    if back:
        return (
            f"{name} is back",
            f"{name} has been answering again since {outage.ended_at:%d %B, %H:%M} UTC.\n\n{link}\n",
        )
    reason = bot.progress.reason or "It does not answer."
    text = f"{name} has been down since {outage.began_at:%d %B, %H:%M} UTC.\n\n{reason}\n\n"
    return (
        f"{name} is down",
        f"{text}We keep trying. To see how it is, or to turn off these e-mails:\n{link}\n",
    )
