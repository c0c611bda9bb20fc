"""Putting something into the outbox: it is sent soon, to each person over each channel that they chose."""

from collections.abc import Iterable
from datetime import date, datetime

from django.db import transaction
from django.db.models import Q

from butt.accounts.models import Account
from butt.outbox.channels import CHANNELS
from butt.outbox.models import OutboxMessage, Preferences
from butt.outbox.words import TEMPLATES


def post(event: str, about: str, people: Iterable[Account], now: datetime, **values: object) -> None:
    """Tell each of `people` whose account is open about the event. Whoever was told about the same thing is not told again.

    `about` says which event of its kind it is. `values` are the values that the event's words contain; times are `datetime`
    or `date`.
    """
    theirs = [account for account in people if account.is_active]
    known = Preferences.objects.in_bulk([account.agent_id for account in theirs])
    said = {name: _plain(value) for name, value in values.items()}
    OutboxMessage.objects.bulk_create(
        [
            OutboxMessage(
                event=event,
                about=about,
                person_id=account.agent_id,
                channel=channel.name,
                values=said,
                due_at=now,
            )
            for account in theirs
            for channel in CHANNELS.values()
            if channel.takes(
                TEMPLATES[event], known.get(account.agent_id) or Preferences(person=account.agent)
            )
        ],
        ignore_conflicts=True,
    )


@transaction.atomic
def post_after(event: str, earlier: str, about: str, now: datetime, **values: object) -> None:
    """Tell those who were told about `earlier`, over the same channels. Whoever was not told yet hears about neither."""
    withdraw(earlier, about)
    said = {name: _plain(value) for name, value in values.items()}
    OutboxMessage.objects.bulk_create(
        [
            OutboxMessage(
                event=event,
                about=about,
                person_id=told.person_id,
                channel=told.channel,
                values=said,
                due_at=now,
            )
            for told in OutboxMessage.objects.filter(event=earlier, about=about)
        ],
        ignore_conflicts=True,
    )


def withdraw(event: str, about: str) -> None:
    """The event is no longer true: whoever has not been told about it is not told.

    A message that may have arrived stays as one that was told, but is not tried again.
    """
    waiting = OutboxMessage.objects.filter(event=event, about=about, due_at__isnull=False)
    unsure = [channel.name for channel in CHANNELS.values() if channel.failed_may_have_arrived]
    waiting.filter(Q(claimed_until__isnull=False) | Q(channel__in=unsure, tries__gt=0)).update(due_at=None)
    waiting.filter(claimed_until=None).delete()


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, date) else value
