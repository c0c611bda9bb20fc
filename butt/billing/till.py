"""All that is said to Stripe, through its own SDK, and what of the answers matters here.

The version of Stripe's API is one whose shapes the local stand-in has as well, so that what was tried with it is what
Stripe sends.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import stripe

from butt.billing.holds import renew
from butt.billing.interface import BadCard, Forged, Invoice, NoAnswer
from butt.configuration import Configuration

log = logging.getLogger("butt.billing")

API_VERSION = "2024-06-20"
PATIENCE = 8
OVER = frozenset({"canceled", "incomplete_expired"})
MOST = 100
PRETENDED_KEYS = ("sk_test_stand-in", "pk_test_stand-in")
_NOT_FOUND = 404


@dataclass(frozen=True)
class Card:
    id: str
    brand: str
    last4: str


@dataclass(frozen=True)
class Subscription:
    id: str
    status: str
    quantity: int
    period_end: datetime
    ends: bool
    item: str


class Till:
    """Each method raises `NoAnswer` when Stripe does not answer."""

    def __init__(self, settings: Configuration, calls: Callable[[], None] = lambda: None) -> None:
        """`calls` is called before and after each call that changes something there."""
        self._settings, self._calls = settings, calls
        pretended = settings.is_pretended
        secret = PRETENDED_KEYS[0] if pretended else settings.stripe_secret_key.get_secret_value()
        self.key = PRETENDED_KEYS[1] if pretended else settings.stripe_publishable_key
        self._client = stripe.StripeClient(
            secret,
            stripe_version=API_VERSION,
            base_addresses={"api": settings.stand_in_url} if pretended else {},
            max_network_retries=1,
            http_client=_Client(timeout=PATIENCE),
        )
        self._plan = f"butt-bot-month-{settings.price}-usd"

    def customer_of(self, email: str, mark: str) -> str:
        """The customer that bears our mark, if there is one."""
        with _answers():
            for found in self._client.v1.customers.list({"email": email, "limit": MOST}).auto_paging_iter():
                if _plain(found)["metadata"].get("person") == mark:
                    return found.id
        return ""

    def new_customer(self, email: str, mark: str) -> str:
        with _answers(), self._changing():
            made = self._client.v1.customers.create(
                {"email": email, "metadata": {"person": mark}},
                {"idempotency_key": f"butt-customer-{mark}-{email}"},
            )
        return made.id

    def forget_customer(self, customer: str) -> None:
        """With all their subscriptions."""
        with _answers(missing_is_fine=True), self._changing():
            self._client.v1.customers.delete(customer)

    def card_of(self, customer: str) -> Card | None:
        """The card that is charged."""
        with _answers():
            found = _plain(self._client.v1.customers.retrieve(customer))
            method = (found.get("invoice_settings") or {}).get("default_payment_method")
            return _card(self._client.v1.payment_methods.retrieve(method)) if method else None

    def new_setup(self, customer: str) -> str:
        wanted: Any = {"customer": customer, "usage": "off_session", "payment_method_types": ["card"]}
        with _answers(), self._changing():
            return self._client.v1.setup_intents.create(wanted).id

    def secret_of_setup(self, setup: str) -> str:
        """What a browser needs to enter a card for it; empty when it has had its card."""
        with _answers():
            found = self._client.v1.setup_intents.retrieve(setup)
        return (found.client_secret or "") if found.status == "requires_payment_method" else ""

    def charge_with_card_of(self, setup: str, customer: str) -> Card:
        """From now on, charge the card that was entered. Raises `BadCard`."""
        with _answers():
            found: Any = self._client.v1.setup_intents.retrieve(setup)
        if found.customer != customer:
            raise BadCard("This card was entered for somebody else.")
        if found.status != "succeeded" or not found.payment_method:
            raise BadCard("The card was not confirmed. Please enter it again.")
        with _answers(), self._changing():
            method: Any = self._client.v1.payment_methods.retrieve(found.payment_method)
            if method.customer != customer:
                self._client.v1.payment_methods.attach(method.id, {"customer": customer})
            self._client.v1.customers.update(
                customer, {"invoice_settings": {"default_payment_method": method.id}}
            )
        return _card(method)

    def subscriptions_of(self, customer: str) -> list[Subscription]:
        """Those that are not over, the earliest first."""
        with _answers():
            found: Any = self._client.v1.subscriptions.list(
                {"customer": customer, "status": "all", "limit": MOST}
            )
            there = [each for each in found.auto_paging_iter() if each.status not in OVER]
        return [_subscription(each) for each in sorted(there, key=lambda each: (each.created, each.id))]

    def subscribe(self, customer: str, quantity: int, key: str) -> Subscription:
        self._make_plan()
        with _answers(), self._changing():
            made = self._client.v1.subscriptions.create(
                {"customer": customer, "items": [{"plan": self._plan, "quantity": quantity}]},
                {"idempotency_key": key},
            )
        return _subscription(made)

    def change_quantity(self, subscription: Subscription, quantity: int) -> Subscription:
        """Stripe settles the days that are left with the next invoice."""
        with _answers(), self._changing():
            made = self._client.v1.subscriptions.update(
                subscription.id, {"items": [{"id": subscription.item, "quantity": quantity}]}
            )
        return _subscription(made)

    def end_with_period(self, subscription: Subscription, *, ends: bool) -> Subscription:
        with _answers(), self._changing():
            made = self._client.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": ends})
        return _subscription(made)

    def end_now(self, subscription: Subscription) -> None:
        """What was paid for too long stays with the customer, for the next time."""
        with _answers(missing_is_fine=True), self._changing():
            self._client.v1.subscriptions.cancel(subscription.id, {"prorate": True})

    def pay(self, customer: str, subscription: Subscription) -> None:
        """Try what is owed again. Raises `BadCard` with the reason when that is refused."""
        with _answers():
            found: Any = self._client.v1.invoices.list(
                {"customer": customer, "subscription": subscription.id, "limit": MOST}
            )
        for invoice in found.data:
            if invoice.status == "open":
                with _answers(), self._changing():
                    self._client.v1.invoices.pay(invoice.id)

    def secret_to_confirm(self, subscription: str) -> str:
        """Of a payment that its owner has to confirm; empty when there is none."""
        with _answers():
            found = _plain(
                self._client.v1.subscriptions.retrieve(
                    subscription, {"expand": ["latest_invoice.payment_intent"]}
                )
            )
        intent = (found.get("latest_invoice") or {}).get("payment_intent") or {}
        return str(intent["client_secret"]) if intent.get("status") == "requires_action" else ""

    def invoices_of(self, customer: str) -> list[Invoice]:
        """The latest first."""
        with _answers():
            found: Any = self._client.v1.invoices.list({"customer": customer, "limit": MOST})
        return [_invoice(each) for each in found.data if each.status != "draft"]

    def event_in(self, payload: bytes, signature: str) -> tuple[str, str, str]:
        """Its id, its type, and the customer it is of. Raises `Forged`."""
        try:
            event = self._client.construct_event(payload, signature, self._settings.webhook_secret())
        except (ValueError, stripe.SignatureVerificationError) as error:
            raise Forged("This does not come from Stripe.") from error
        thing = _plain(event.data.object)
        customer = thing["id"] if thing.get("object") == "customer" else thing.get("customer")
        return event.id, event.type, customer if isinstance(customer, str) else ""

    def _make_plan(self) -> None:
        """The price is known by a name of ours, so that it is made once."""
        plans = self._client.v1.plans
        with _answers():
            try:
                plans.retrieve(self._plan)
            except stripe.InvalidRequestError as error:
                if error.http_status != _NOT_FOUND:
                    raise
                with self._changing():
                    plans.create(
                        {
                            "id": self._plan,
                            "amount": self._settings.price,
                            "currency": "usd",
                            "interval": "month",
                            "product": {"name": f"A bot on {self._settings.site_name}"},
                        },
                        {"idempotency_key": self._plan},
                    )

    @contextmanager
    def _changing(self) -> Iterator[None]:
        self._calls()
        yield
        self._calls()


class _Client(stripe.RequestsClient):
    def request(
        self, method: str, url: str, headers: Mapping[str, str] | None, post_data: Any = None, **more: Any
    ) -> Any:
        renew()
        return super().request(method, url, headers, post_data, **more)


@contextmanager
def _answers(*, missing_is_fine: bool = False) -> Iterator[None]:
    try:
        yield
    except stripe.CardError as declined:
        raise BadCard(declined.user_message or "The card was declined.") from declined
    except stripe.StripeError as error:
        if missing_is_fine and error.http_status == _NOT_FOUND:
            return
        log.warning("Stripe: %s %s", type(error).__name__, error.http_status or "")
        raise NoAnswer("Who takes the payments does not answer. Please try again in a moment.") from error


def _plain(found: Any) -> dict[str, Any]:
    """Its bare fields: which there are depends on the version of the API, not on that of the SDK."""
    plain: dict[str, Any] = found.to_dict()
    return plain


def _card(found: Any) -> Card:
    """Also what is none, as a bank account: it is called by its kind, and has no last digits."""
    method = _plain(found)
    card = method.get("card") or {}
    return Card(method["id"], card.get("brand", method["type"]), card.get("last4", ""))


def _subscription(made: Any) -> Subscription:
    found = _plain(made)
    item = found["items"]["data"][0]
    end = found.get("current_period_end") or item["current_period_end"]
    return Subscription(
        found["id"], found["status"], item["quantity"], _time(end), found["cancel_at_period_end"], item["id"]
    )


def _invoice(made: Any) -> Invoice:
    found = _plain(made)
    lines = tuple(
        (str(line["description"]), line["quantity"] or 1, line["amount"]) for line in found["lines"]["data"]
    )
    url = found.get("invoice_pdf") or found.get("hosted_invoice_url") or ""
    number = found.get("number") or found["id"]
    return Invoice(found["id"], number, _time(found["created"]), found["total"], found["status"], url, lines)


def _time(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
