"""E-mails to the owner of a bot that is down for long, and when it is back. One for each, and none twice.

A bot that is stopped on purpose is not down. An e-mail's mark is set before it goes; killed in between, it is
not sent rather than sent twice.
"""

from datetime import datetime, timedelta

from django.db.models import F, Q, QuerySet

from butt.accounts.mailing import tell_each, write_to
from butt.accounts.owners import owners_of
from butt.agents.models import Agent
from butt.agents.states import SHOULD_ANSWER
from butt.configuration import configuration
from butt.figures.models import Letters, Outage

MOST_AT_ONCE = 20


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
    # In no order, so that those that cannot be sent are not always the first.
    rows = due.select_related("bot__progress").order_by("?")[:MOST_AT_ONCE]
    tell_each(rows, lambda outage: _tell(outage, mark, now))


def _tell(outage: Outage, mark: str, now: datetime) -> bool:
    """False when it is to be tried again."""
    if not Outage.objects.filter(id=outage.id, **{mark: None}).update(**{mark: now}):
        return True
    unwanted = Letters.objects.filter(wanted=False).values("person")
    owners = owners_of(outage.bot).filter(is_active=True).exclude(agent__in=unwanted)
    done = write_to(owners.values_list("email", flat=True), *_words(outage, back=mark == "told_end_at"))
    if not done:
        Outage.objects.filter(id=outage.id).update(**{mark: None})
    return done


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
