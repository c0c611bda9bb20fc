"""Sending what is in the outbox. Several monitors may do so at the same time.

The rule: a message goes out at least once, until its channel gives up. A worker claims the message, sends it, and then
notes that it was sent. If the worker is killed before it notes that, the message is sent again when the lease ends. It then
has the same id, in `Message-ID` or in `id`, so a receiver can recognise it. A message that failed is tried again later and
later.
"""

import logging
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

from django.db.models import F, Q

from butt.accounts.models import Account
from butt.leases import claim, due, free
from butt.outbox.channels import CHANNELS, Channel
from butt.outbox.models import OutboxMessage
from butt.outbox.preferences import of_each
from butt.outbox.words import TEMPLATES
from scuttlekit.backoff import backoff

log = logging.getLogger("butt.outbox")

MOST_AT_ONCE = 20
FIRST_BACK_OFF, LONGEST_BACK_OFF = timedelta(seconds=30), timedelta(hours=1)

LEASE = timedelta(minutes=5)
"""Longer than any channel takes to send a message."""

KEPT = timedelta(days=400)
"""Longer than any event lasts that people are told about once."""

FAILED_IN_A_ROW = 3
"""After this many failures the channel counts as down. Fewer may be due to single addresses."""


def send_due(now: datetime) -> bool:
    """One step: send some of what is due over each channel. Returns whether there may be more to send at once."""
    more = [_send_some(channel, now) for channel in CHANNELS.values()]
    return any(more)


def forget_old(now: datetime) -> None:
    """Remove messages that were sent, or given up, long ago."""
    OutboxMessage.objects.filter(due_at=None, created_at__lt=now - KEPT).delete()


def _send_some(channel: Channel, now: datetime) -> bool:
    began = time.monotonic()
    _give_up(channel, now)
    ready = OutboxMessage.objects.filter(
        due("due_at", now, LONGEST_BACK_OFF), free("claimed_until", now), channel=channel.name
    )
    # Those that failed are due later, so they do not keep others waiting.
    messages = list(ready.order_by("due_at", "id")[:MOST_AT_ONCE])
    is_full = len(messages) == MOST_AT_ONCE
    people = [message.person_id for message in messages]
    accounts = {each.agent_id: each for each in Account.objects.filter(agent__in=people, is_active=True)}
    chosen = of_each(people)

    def is_wanted(message: OutboxMessage) -> bool:
        """False if the account was closed, or the person chose otherwise, after the message was posted."""
        takes = channel.takes(TEMPLATES[message.event], chosen[message.person_id])
        return takes and message.person_id in accounts

    def send(message: OutboxMessage) -> bool:
        try:
            return channel.send(message, accounts[message.person_id], chosen[message.person_id])
        except Exception:
            log.exception("message %s (%s) could not be sent by %s", message.pk, message.event, channel.name)
            return False

    unwanted = [message.pk for message in messages if not is_wanted(message)]
    OutboxMessage.objects.filter(pk__in=unwanted).update(due_at=None)
    messages = [message for message in messages if message.pk not in unwanted]
    failed = 0
    with ThreadPoolExecutor(channel.at_once, "outbox") as pool:
        while messages and failed < FAILED_IN_A_ROW:
            part, messages = messages[: channel.at_once], messages[channel.at_once :]
            until = now + timedelta(seconds=time.monotonic() - began) + LEASE
            mine = [each for each in part if claim(each, "claimed_until", until, due_at=each.due_at)]
            for message, went in zip(mine, pool.map(send, mine), strict=True):
                failed = 0 if went else failed + 1
                _note(message, now, went=went)
    return is_full and not failed


def _note(message: OutboxMessage, now: datetime, *, went: bool) -> None:
    """Note what came of it, unless the lease ended in the meantime: then somebody else sends it."""
    mine = OutboxMessage.objects.filter(pk=message.pk, claimed_until=message.claimed_until)
    if went:
        mine.update(claimed_until=None, due_at=None, sent_at=now)
        return
    again = now + backoff(message.tries, FIRST_BACK_OFF, LONGEST_BACK_OFF)
    # Whoever withdrew it in the meantime has emptied `due_at`.
    mine.filter(due_at__isnull=False).update(due_at=again)
    mine.update(claimed_until=None, tries=F("tries") + 1)


def _give_up(channel: Channel, now: datetime) -> None:
    """Stop trying messages that failed, or whose sender was killed, for longer than the channel is patient."""
    begun = Q(tries__gt=0) | Q(claimed_until__isnull=False)
    old = OutboxMessage.objects.filter(
        begun,
        free("claimed_until", now),
        channel=channel.name,
        due_at__isnull=False,
        created_at__lt=now - channel.patience,
    )
    for message in old[:MOST_AT_ONCE]:
        if claim(message, "due_at", None, claimed_until=message.claimed_until):
            log.error(
                "gave up message %s (%s): %s failed for too long", message.pk, message.event, channel.name
            )
