"""Tells owners when their own copies have failed for days."""

from datetime import datetime, timedelta

from django.db import transaction

from butt.accounts.owners import owners_of
from butt.chores import EACH_MINUTE, Chore
from butt.copies.models import OwnCopy
from butt.outbox.posting import post

FAILING = timedelta(days=3)
MOST_AT_ONCE = 20


def tell_of_failing(now: datetime) -> None:
    """Once for each time that it begins to fail."""
    failing = OwnCopy.objects.filter(failing_since__lte=now - FAILING, told_at=None)
    for copy in failing.select_related("bot")[:MOST_AT_ONCE]:
        _tell(copy, now)


def _tell(copy: OwnCopy, now: datetime) -> None:
    since = copy.failing_since
    with transaction.atomic():
        # It may have worked again meanwhile.
        same = OwnCopy.objects.filter(bot=copy.bot, failing_since=since, told_at=None)
        if since and same.update(told_at=now):
            post(
                "copy-failing",
                f"{copy.bot_id} {since.isoformat()}",
                owners_of(copy.bot),
                now,
                bot=copy.bot.full_name,
                last=copy.done_at,
                reason=copy.trouble,
                link=f"/bots/{copy.bot.name}/copy",
            )


CHORES = (Chore(tell_of_failing, EACH_MINUTE),)
