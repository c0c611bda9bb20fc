"""Putting something into the outbox: it is sent soon, to each person over each channel that they chose."""

import uuid
from collections.abc import Iterable, Mapping
from datetime import date, datetime

from django.db import transaction
from django.db.models import Q

from butt.accounts.models import Account
from butt.outbox.channels import CHANNELS
from butt.outbox.models import OutboxMessage
from butt.outbox.preferences import of_each
from butt.outbox.words import TEMPLATES


def post(event: str, about: str, people: Iterable[Account], now: datetime, **values: object) -> None:
    """Tell each of `people` whose account is open about the event. Whoever was told about the same thing is not told again.

    `about` says which event of its kind it is. `values` are the values that the event's words contain; times are `datetime`
    or `date`.
    """
    chosen = of_each(account.agent_id for account in people if account.is_active)
    whom = [
        (person, channel.name)
        for person, theirs in chosen.items()
        for channel in CHANNELS.values()
        if channel.takes(TEMPLATES[event], theirs)
    ]
    _put(event, about, whom, now, values)


@transaction.atomic
def post_after(event: str, earlier: str, about: str, now: datetime, **values: object) -> None:
    """Tell those who were told about `earlier`, over the same channels. Whoever was not told yet hears about neither."""
    withdraw(earlier, about)
    receivers = OutboxMessage.objects.filter(event=earlier, about=about).values_list("person_id", "channel")
    _put(event, about, receivers, now, values)


def withdraw(event: str, about: str) -> None:
    """The event is no longer true: whoever has not been told about it is not told.

    A message that may have arrived stays as one that was told, but is not tried again.
    """
    waiting = OutboxMessage.objects.filter(event=event, about=about, due_at__isnull=False)
    unsure = [channel.name for channel in CHANNELS.values() if channel.failed_may_have_arrived]
    waiting.filter(Q(claimed_until__isnull=False) | Q(channel__in=unsure, tries__gt=0)).update(due_at=None)
    waiting.filter(claimed_until=None).delete()


def _put(
    event: str,
    about: str,
    whom: Iterable[tuple[uuid.UUID, str]],
    now: datetime,
    values: Mapping[str, object],
) -> None:
    """`whom` are people, each with the name of a channel. Whoever was told about the same thing is left out."""
    said = {name: _plain(value) for name, value in values.items()}
    OutboxMessage.objects.bulk_create(
        [
            OutboxMessage(
                event=event, about=about, person_id=person, channel=channel, values=said, due_at=now
            )
            for person, channel in whom
        ],
        ignore_conflicts=True,
    )


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, date) else value
