"""E-mails to owners whose own copies fail for days."""

from datetime import datetime, timedelta

from butt.accounts.outbox import send_due
from butt.accounts.owners import owners_of
from butt.chores import EACH_MINUTE, Chore
from butt.configuration import configuration
from butt.copies.models import OwnCopy

FAILING = timedelta(days=3)


def tell_of_failing(now: datetime) -> None:
    """Once for each time that it begins to fail."""
    failing = OwnCopy.objects.filter(failing_since__lte=now - FAILING, told_at=None)
    if failing.exists():
        send_due(
            failing.select_related("bot"),
            "told_at",
            now,
            people=lambda row: owners_of(row.bot),
            words=_words,
            unchanged="failing_since",
        )


def _words(row: OwnCopy) -> tuple[str, str]:
    settings = configuration()
    name = f"{row.bot.name}.{settings.domain}"
    last = f"The last one is from {row.done_at:%d %B, %H:%M} UTC." if row.done_at else "There is none yet."
    text = f"Your own copy of {name} has failed for three days. {last}\n\n{row.trouble}\n\n"
    link = f"{settings.public_url}/bots/{row.bot.name}/copy"
    return f"No copy of {name} for three days", f"{text}Change the place, or end the copies:\n\n{link}\n"


CHORES = (Chore(tell_of_failing, EACH_MINUTE),)
