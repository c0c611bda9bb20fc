"""What happens at Stripe without us: cards are entered, charged and declined. Spoken to over its own API."""

import json
import urllib.error
import urllib.parse
import urllib.request
from typing import Any
from urllib.parse import urlsplit

from butt.agents.models import Agent
from butt.billing.models import Payer
from butt.billing.subscriptions import Subscriptions

GOOD, SECURE, DECLINED = "4242424242424242", "4000002500003155", "4000000000000002"


class StandIn:
    def __init__(self, url: str) -> None:
        self.url = url
        self.port = urlsplit(url).port or 0

    def answers(self) -> bool:
        try:
            self.call("GET", "/v1/plans")
        except OSError:
            return False
        return True

    def call(self, method: str, path: str, body: Any = None) -> Any:
        request = urllib.request.Request(self.url + path, method=method)
        request.add_header("Authorization", "Bearer sk_test_stand-in")
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(request, data, timeout=20) as response:
            return json.loads(response.read())

    def all(self, what: str, **query: str) -> list[Any]:
        asked = urllib.parse.urlencode({"limit": 10_000, **query})
        found: list[Any] = self.call("GET", f"/v1/{what}?{asked}")["data"]
        return found

    def customers_of(self, person: Agent) -> list[Any]:
        return [each for each in self.all("customers") if each["metadata"].get("person") == str(person.id)]

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

    def confirm(self, number: str, secret: str) -> str:
        setup = secret.partition("_secret_")[0]
        confirm = f"/v1/setup_intents/{setup}/confirm"
        card = {"number": number, "exp_month": "12", "exp_year": "2030", "cvc": "123"}
        asked = {"client_secret": secret, "payment_method_data": {"type": "card", "card": card}}
        if self.call("POST", confirm, asked)["status"] == "requires_action":
            self.call("POST", confirm, {"client_secret": secret})
        return setup

    def charge_fails(self, person: Agent) -> None:
        """A month is over, and the person's bank refuses."""
        (subscription,) = self.subscriptions_of(person)
        customer = subscription["customer"]
        good = self.call("GET", f"/v1/customers/{customer}")["invoice_settings"]
        card = {"number": SECURE, "exp_month": "12", "exp_year": "2030", "cvc": "123"}
        bad = self.call("POST", "/v1/payment_methods", {"type": "card", "card": card})["id"]
        self.call("POST", f"/v1/payment_methods/{bad}/attach", {"customer": customer})
        self._charge_with(customer, {"default_payment_method": bad})
        asked = {"customer": customer, "subscription": subscription["id"]}
        invoice = self.call("POST", "/v1/invoices", asked)["id"]
        intent = self.call("POST", f"/v1/invoices/{invoice}/pay", {})["payment_intent"]
        if intent is None:
            # Paid out of what a changed quantity gave back.
            self._charge_with(customer, good)
            return
        secret = self.call("GET", f"/v1/payment_intents/{intent}")["client_secret"]
        refused = {"client_secret": secret, "success": False}
        self.call("POST", f"/v1/payment_intents/{intent}/_authenticate", refused)
        self._charge_with(customer, good)

    def pays(self, subscription: Any) -> None:
        """The bank thinks better of it at a later try."""
        asked = {"customer": subscription["customer"], "subscription": subscription["id"]}
        for invoice in self.all("invoices", **asked):
            if invoice["status"] == "open":
                self.call("POST", f"/v1/invoices/{invoice['id']}/pay", {})

    def _charge_with(self, customer: str, settings: Any) -> None:
        self.call("POST", f"/v1/customers/{customer}", {"invoice_settings": settings})


def payer_of(person: Agent) -> Payer:
    return Payer.objects.get(person=person)
