"""The ways to tell somebody something. To add one, add a class here and a line in `CHANNELS`."""

import logging
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from butt.accounts.mailing import write_to
from butt.accounts.models import Account
from butt.configuration import configuration
from butt.outbox import webhook
from butt.outbox.models import OutboxMessage, Preferences
from butt.outbox.words import Template, written
from butt.public_addresses import is_public

log = logging.getLogger("butt.outbox")


class Channel(Protocol):
    name: str
    at_once: int
    """How many messages are sent at the same time."""
    patience: timedelta
    """A message that still fails after this time is given up."""
    failed_may_have_arrived: bool
    """Whether the receiver may have got a message although sending it failed."""

    def takes(self, event: Template, chosen: Preferences) -> bool:
        """Whether a person with these preferences is told about the event in this way."""

    def send(self, message: OutboxMessage, to: Account, chosen: Preferences) -> bool:
        """Returns False if it failed and should be tried again. Takes less than a minute. Runs in a thread, without rows."""


class Mail:
    name = "mail"
    at_once = 1
    patience = timedelta(days=7)
    failed_may_have_arrived = False

    def takes(self, event: Template, chosen: Preferences) -> bool:
        return chosen.mail or not event.can_be_turned_off

    def send(self, message: OutboxMessage, to: Account, chosen: Preferences) -> bool:  # noqa: ARG002
        subject, text = written(message.event, message.values)
        return write_to([to.email], subject, text, f"<outbox.{message.pk}@{configuration().domain}>")


@dataclass
class Webhook:
    """`may` says which addresses are called. `trust` has the certificates that count, by default those of the system."""

    may: Callable[[str], bool] = is_public
    trust: ssl.SSLContext | None = None

    name = "webhook"
    at_once = 8
    patience = timedelta(days=1)
    failed_may_have_arrived = True

    def takes(self, event: Template, chosen: Preferences) -> bool:
        return bool(event.webhook and chosen.webhook)

    def send(self, message: OutboxMessage, to: Account, chosen: Preferences) -> bool:  # noqa: ARG002
        body = webhook.body_of(message)
        try:
            webhook.call(chosen.webhook, chosen.webhook_secret, body, may=self.may, trust=self.trust)
        except webhook.NotTaken as why:
            log.warning("the webhook of %s did not take message %s: %s", message.person_id, message.pk, why)
            return False
        return True


CHANNELS: dict[str, Channel] = {channel.name: channel for channel in (Mail(), Webhook())}
