"""Stripe's stand-in over its own API: what browsers and banks do there without us. Needs no Django."""

import json
import urllib.error
import urllib.parse
import urllib.request
from typing import Any
from urllib.parse import urlsplit

GOOD, SECURE, DECLINED, EMPTY = (
    "4242424242424242",
    "4000002500003155",
    "4000000000000002",
    "4000000000000341",
)
"""Cards: one that pays, one that its owner has to confirm, one that cannot be entered, one with nothing on it."""


class Bank:
    """Each call raises `OSError` when there is no good answer."""

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

    def customers_marked(self, person_id: str) -> list[Any]:
        return [each for each in self.all("customers") if each["metadata"].get("person") == person_id]

    def confirm(self, number: str, secret: str) -> str:
        """What the browser does when a card is entered; the id of what was confirmed."""
        setup = secret.partition("_secret_")[0]
        path = f"/v1/setup_intents/{setup}/confirm"
        card = {"number": number, "exp_month": "12", "exp_year": "2030", "cvc": "123"}
        asked = {"client_secret": secret, "payment_method_data": {"type": "card", "card": card}}
        if self.call("POST", path, asked)["status"] == "requires_action":
            self.call("POST", path, {"client_secret": secret})
        return setup

    def refuses(self, subscription: Any) -> None:
        """A month is over, and the customer's bank refuses."""
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
