"""What happens at Stripe without us: cards are entered, charged and declined."""

import json
from typing import Any

from stripe_standin.webhooks import signature

from butt.agents.models import Agent
from butt.billing.models import Payer
from butt.billing.subscriptions import Subscriptions
from tests.billing.bank import ALWAYS, DECLINED, EMPTY, GOOD, SECURE, Bank, quantity_of

__all__ = ["ALWAYS", "DECLINED", "EMPTY", "GOOD", "SECURE", "StandIn", "payer_of", "quantity_of"]


class StandIn(Bank):
    _last = ""

    def customers_of(self, person: Agent, **query: Any) -> list[Any]:
        return self.customers_marked(str(person.id), **query)

    def subscriptions_of(self, person: Agent) -> list[Any]:
        """Subscriptions that have not ended."""
        customer = payer_of(person).customer
        return self.live(customer=customer) if customer else []

    def enters(self, number: str, person: Agent, house: Subscriptions) -> None:
        """What the browser does when a card is entered, and then the page."""
        house.keep_card(person, self.confirms(number, person, house))

    def confirms(self, number: str, person: Agent, house: Subscriptions) -> str:
        """What the browser does; the page gets the result."""
        return self.confirm(number, house.card_form(person).secret)

    def charge_fails(self, person: Agent, house: Subscriptions) -> None:
        """A month passes, and the person's bank refuses to pay."""
        (subscription,) = self.subscriptions_of(person)
        self.refuses(subscription)
        self.tell(house)

    def month_passes(self, person: Agent, house: Subscriptions) -> None:
        (subscription,) = self.subscriptions_of(person)
        self.month_ends(subscription)
        self.tell(house)

    def new_events(self) -> list[Any]:
        """The earliest first."""
        # The SDK reverses the order of a list that it pages backwards through.
        new = self.all("events", ending_before=self._last) if self._last else self.all("events")[::-1]
        if new:
            self._last = new[-1]["id"]
        return new

    def tell(self, house: Subscriptions, events: list[Any] | None = None) -> None:
        """Send each event that was not sent yet, or these, as a webhook does."""
        for event in self.new_events() if events is None else events:
            payload = json.dumps(event, default=str).encode()
            house.take_event(payload, signature(payload, house._settings.webhook_secret()))


def payer_of(person: Agent) -> Payer:
    return Payer.objects.get(person=person)
