"""Stripe's stand-in through the official SDK, and what browsers and banks do there without us. Needs no
Django.
"""

import json
import time
import urllib.request
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import stripe

GOOD, SECURE, ALWAYS, DECLINED, EMPTY = (
    "4242424242424242",
    "4000002500003155",
    "4000002760003184",
    "4000000000000002",
    "4000000000000341",
)
"""Cards: one that pays, one that asks its owner once, one that asks each time, one that cannot be entered, one with nothing on it."""


NO_ANSWER = (OSError, stripe.StripeError)
"""What each call of the bank raises when there is no good answer."""

OVER = frozenset({"canceled", "incomplete_expired"})


def quantity_of(subscription: Any) -> int:
    return int(subscription["items"]["data"][0]["quantity"])


class Bank:
    def __init__(self, url: str) -> None:
        self.url = url
        self.port = urlsplit(url).port or 0
        self.client = stripe.StripeClient(
            "sk_test_stand-in", base_addresses={"api": url}, max_network_retries=0
        )
        self.v1 = self.client.v1

    def answers(self) -> bool:
        try:
            self.steer("calls")
        except OSError:
            return False
        return True

    def steer(self, what: str, **said: Any) -> Any:
        body = json.dumps(said).encode() if said or what == "calm" else None
        with urllib.request.urlopen(f"{self.url}/_standin/{what}", body, timeout=20) as answer:
            return json.loads(answer.read())

    def all(self, what: str, **query: Any) -> list[Any]:
        """The latest first."""
        found = getattr(self.v1, what).list({"limit": 100, **query})
        return [each.to_dict() for each in found.auto_paging_iter()]

    def live(self, **query: Any) -> list[Any]:
        """The subscriptions that have not ended."""
        return [each for each in self.all("subscriptions", **query) if each["status"] not in OVER]

    def customers_marked(self, person_id: str, **query: Any) -> list[Any]:
        return [
            each for each in self.all("customers", **query) if each["metadata"].get("person") == person_id
        ]

    def confirm(self, number: str, secret: str) -> str:
        """What the browser does when a card is entered; returns the id of the confirmed intent."""
        return str(self.steer("enter", client_secret=secret, number=number)["id"])

    def authenticate(self, secret: str, *, success: bool = True) -> None:
        self.steer("authenticate", client_secret=secret, success=success)

    def card_becomes(self, customer: str, number: str | None) -> None:
        """The bank of the charged card changes its answer."""
        found = self.v1.customers.retrieve(customer).to_dict()
        method = found["invoice_settings"]["default_payment_method"]
        self.steer("card", payment_method=method, becomes=number)

    def refuses(self, subscription: Any) -> None:
        """A month passes, and the customer's bank refuses to pay."""
        customer = subscription["customer"]
        self.card_becomes(customer, EMPTY)
        self.month_ends(subscription)
        self.card_becomes(customer, None)

    def month_ends(self, subscription: Any) -> None:
        """To two hours after the end of the period, when the invoice is final."""
        until = subscription["items"]["data"][0]["current_period_end"] + 7200
        if subscription["test_clock"]:
            self.steer("advance", clock=subscription["test_clock"], to=until)
        else:
            self.steer("clock", advance=until - self.now())

    def now(self) -> int:
        return int(self.steer("clock", advance=0)["now"])

    def new_clock(self, at: datetime | None = None) -> str:
        frozen = int(at.timestamp() if at else time.time())
        return self.v1.test_helpers.test_clocks.create({"frozen_time": frozen}).id

    def pays(self, subscription: Any) -> None:
        """The bank pays at a later attempt."""
        for invoice in self.all("invoices", subscription=subscription["id"], status="open"):
            self.v1.invoices.pay(invoice["id"])
