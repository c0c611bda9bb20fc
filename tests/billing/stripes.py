"""What happens at Stripe without us: cards are entered, charged and declined. Spoken to over its own API."""

from typing import Any

from butt.agents.models import Agent
from butt.billing.models import Payer
from butt.billing.subscriptions import Subscriptions
from tests.billing.bank import DECLINED, GOOD, SECURE, Bank

__all__ = ["DECLINED", "GOOD", "SECURE", "StandIn", "payer_of"]


class StandIn(Bank):
    def customers_of(self, person: Agent) -> list[Any]:
        return self.customers_marked(str(person.id))

    def subscriptions_of(self, person: Agent) -> list[Any]:
        """Those that are not over."""
        return [
            each
            for customer in self.customers_of(person)
            for each in self.all("subscriptions", customer=customer["id"])
        ]

    def enters(self, number: str, person: Agent, house: Subscriptions) -> None:
        """What the browser does when a card is entered, and then the page."""
        house.keep_card(person, self.confirms(number, person, house))

    def confirms(self, number: str, person: Agent, house: Subscriptions) -> str:
        """What the browser does; the page is told what comes back."""
        return self.confirm(number, house.card_form(person).secret)

    def charge_fails(self, person: Agent) -> None:
        """A month is over, and the person's bank refuses."""
        (subscription,) = self.subscriptions_of(person)
        self.refuses(subscription)


def payer_of(person: Agent) -> Payer:
    return Payer.objects.get(person=person)
