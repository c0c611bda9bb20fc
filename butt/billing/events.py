"""Events from Stripe. An event only triggers a new look at Stripe, so events may come late, twice, and in any order.

Once a day, events that never arrived are found in Stripe's own list.
"""

import logging
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from butt.billing import letters
from butt.billing.gateway import StripeGateway
from butt.billing.interface import NoAnswer
from butt.billing.models import Event, EventLook, Payer
from butt.billing.money import shown

log = logging.getLogger("butt.billing")

KEPT = timedelta(days=60)
DAY, MONTH = timedelta(days=1), timedelta(days=30)
READS = 14
"""How many of the reads that Stripe allows per payer and month are spent on asking for events."""

OVERLAP = timedelta(hours=1)
MOST = 2_000
LEFT_OPEN = frozenset({"invoice.payment_action_required", "invoice.payment_failed"})
"""After these, an invoice may be open besides a paid subscription, such as one made in Stripe's dashboard."""

FORGETS = timedelta(days=29)
"""Stripe lists the events of the last 30 days."""


class Events:
    def __init__(self, gateway: StripeGateway) -> None:
        self._gateway = gateway

    def take(self, event: dict[str, Any]) -> bool:
        """Whether the event is new, and about one of our payers."""
        thing, kind = event["data"]["object"], str(event["type"])
        customer = thing["id"] if thing.get("object") == "customer" else thing.get("customer")
        if kind == "charge.dispute.created" and not customer:
            customer = self._gateway.customer_of_charge(str(thing.get("charge") or ""))
        at = datetime.fromtimestamp(event["created"], UTC)
        with transaction.atomic():
            _, is_new = Event.objects.get_or_create(id=event["id"], defaults={"type": kind[:80]})
            if not (is_new and isinstance(customer, str) and customer):
                return False
            left_open = {"has_open": True} if kind in LEFT_OPEN else {}
            if not Payer.objects.filter(customer=customer).update(look_at=timezone.now(), **left_open):
                return False
            if kind == "charge.dispute.created":
                # Somebody who disputes a charge is not charged again.
                Payer.objects.filter(customer=customer).update(cancels=True, wishes=True)
            _write(kind, thing, customer, at)
        return True

    def look(self, now: datetime) -> None:
        """Once a day, take events that never arrived; less often with very few payers, because each has few reads."""
        payers = Payer.objects.exclude(customer="").count()
        if not payers:
            return
        last = EventLook.objects.first()
        if last is None:
            EventLook.objects.create(at=now)
            return
        if now < last.at + max(DAY, MONTH / (READS * payers)):
            return
        if EventLook.objects.filter(id=last.id, at=last.at).update(at=now):
            try:
                new = sum(
                    self.take(each)
                    for each in self._gateway.events_since(max(last.at - OVERLAP, now - FORGETS), MOST)
                )
            except NoAnswer as trouble:
                log.warning("Events wait: %s", trouble)
                EventLook.objects.filter(id=last.id).update(at=last.at + OVERLAP - DAY)
                return
            if new:
                log.warning(
                    "%s events from Stripe had not arrived. Does its webhook endpoint reach /stripe/webhook?",
                    new,
                )
            Event.objects.filter(at__lt=now - KEPT).delete()


def _write(kind: str, thing: dict[str, Any], customer: str, at: datetime) -> None:
    """Tell the person about something that has no effect on their bots."""
    payer = Payer.objects.filter(customer=customer).first()
    if payer and kind == "charge.dispute.created":
        log.warning("%s disputed a charge: answer it in Stripe's dashboard.", payer)
        letters.tell(payer, "disputed", at, timezone.now())
    elif payer and kind == "charge.refunded":
        amount = shown(int(thing["amount_refunded"]), str(thing["currency"]))
        letters.tell(payer, "refunded", at, timezone.now(), amount=amount)
