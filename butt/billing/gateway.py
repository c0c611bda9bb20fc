"""All calls to Stripe, through its own SDK, in the API version that the SDK was made for."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import stripe

from butt.billing.addresses import Addresses
from butt.billing.calls import PATIENCE, NoCustomer, StripeHttpClient, answers
from butt.billing.catalogue import Catalogue
from butt.billing.gifts import Gifts, taken
from butt.billing.interface import BadCard, Forged, NoAnswer
from butt.billing.invoices import Invoices
from butt.billing.seen import (
    MOST,
    OVER,
    OWES,
    Card,
    Customer,
    Subscription,
    card_of,
    invoices_of,
    key_of,
    plain,
    subscription_of,
)
from butt.billing.settling import Settling
from butt.configuration import Configuration

PRETENDED_KEYS = ("sk_test_stand-in", "pk_test_stand-in")
MARK = "person"
"""The metadata that distinguishes our customers and subscriptions from others in the same account."""


class StripeGateway:
    """Each method raises `NoAnswer` if Stripe does not answer, and `NoCustomer` if it does not know the customer."""

    def __init__(
        self, settings: Configuration, calls: Callable[[], None] = lambda: None, clock: str = ""
    ) -> None:
        """`calls` is called before and after each call that changes something at Stripe. New customers use the test clock
        `clock`, if one is given.
        """
        self._settings, self._calls, self._clock = settings, calls, clock
        pretended = settings.is_pretended
        secret = PRETENDED_KEYS[0] if pretended else settings.stripe_secret_key.get_secret_value()
        self.key = PRETENDED_KEYS[1] if pretended else settings.stripe_publishable_key
        self._stripe = stripe.StripeClient(
            secret,
            base_addresses={"api": settings.stand_in_url} if pretended else {},
            max_network_retries=1,
            http_client=StripeHttpClient(timeout=PATIENCE),
        )
        self._client = self._stripe.v1
        self.gifts = Gifts(self._client)
        self.addresses = Addresses(self._client, self._changing)
        self.settling = Settling(self._client, self._changing)
        self.invoices = Invoices(self._client, self._changing)
        self._catalogue = Catalogue(self._client, settings, self._changing)

    @property
    def client(self) -> Any:
        """Stripe's own client, for calls that only the doctor makes."""
        return self._client

    # Customers and cards

    def customer_of(self, email: str, mark: str) -> str:
        """The customer with our mark, if there is one."""
        wanted: Any = {"email": email, "limit": MOST}
        if self._clock:
            wanted["test_clock"] = self._clock
        with answers():
            for found in self._client.customers.list(wanted).auto_paging_iter():
                if plain(found)["metadata"].get(MARK) == mark:
                    return found.id
        return ""

    def new_customer(self, email: str, mark: str, generation: int = 0) -> str:
        """`generation` counts the customers with this mark that Stripe lost: their idempotency key would bring them back."""
        wanted: Any = {"email": email, "metadata": {MARK: mark}}
        if self._clock:
            wanted["test_clock"] = self._clock
        with answers(), self._changing():
            key = key_of("customer", mark, email, generation, self._clock)
            return self._client.customers.create(wanted, {"idempotency_key": key}).id

    def look(self, customer: str, mark: str, known: str = "") -> Customer:
        """Everything that matters about a customer, in one call. Of their subscriptions, those with our mark and the `known`
        one.
        """
        try:
            with answers():
                expand = ["invoice_settings.default_payment_method", "subscriptions"]
                found = plain(self._client.customers.retrieve(customer, {"expand": expand}))
        except NoAnswer as trouble:
            # A deleted customer has nothing left to expand.
            if not isinstance(trouble.__cause__, stripe.InvalidRequestError):
                raise
            with answers():
                found = plain(self._client.customers.retrieve(customer))
        if found.get("deleted"):
            raise NoCustomer
        method = found["invoice_settings"]["default_payment_method"]
        ours = [
            each
            for each in found["subscriptions"]["data"]
            if each["status"] not in OVER and (each["metadata"].get(MARK) == mark or each["id"] == known)
        ]
        ours.sort(key=lambda each: (each["id"] != known, each["created"], each["id"]))
        return Customer(
            found["email"] or "",
            card_of(method) if method else None,
            [subscription_of(each) for each in ours],
        )

    def tell_email(self, customer: str, email: str) -> None:
        with answers(), self._changing():
            self._client.customers.update(customer, {"email": email})

    def forget_customer(self, customer: str) -> None:
        """Delete the customer with all their subscriptions."""
        with answers(missing_is_fine=True), self._changing():
            self._client.customers.delete(customer)

    def new_setup(self, customer: str) -> str:
        """What a browser needs to enter a card."""
        kinds = ["card", "sepa_debit"] if self._settings.sepa else ["card"]
        wanted: Any = {"customer": customer, "usage": "off_session", "allowed_payment_method_types": kinds}
        with answers(), self._changing():
            return self._client.setup_intents.create(wanted).client_secret or ""

    def charge_with_card_of(self, setup: str, customer: str) -> Card:
        """From now on, charge the card that was entered. Raises `BadCard`."""
        found: Any = None
        with answers(missing_is_fine=True):
            found = self._client.setup_intents.retrieve(setup, {"expand": ["payment_method"]})
        if found is None:
            raise BadCard("The card was not confirmed. Please enter it again.")
        if found.customer != customer:
            raise BadCard("This card was entered by somebody else.")
        if found.status != "succeeded" or not found.payment_method:
            raise BadCard("The card was not confirmed. Please enter it again.")
        method = plain(found)["payment_method"]
        change: Any = {"invoice_settings": {"default_payment_method": method["id"]}}
        address = (method.get("billing_details") or {}).get("address") or {}
        if (
            self._settings.tax == "stripe"
            and address.get("country")
            and not self.addresses.of(customer).country
        ):
            change["address"] = {name: value for name, value in address.items() if value}
        with answers(), self._changing():
            self._client.customers.update(customer, change)
        return card_of(method)

    # Subscriptions

    def subscription(self, identifier: str) -> Subscription | None:
        """Also one that has ended."""
        found: Any = None
        with answers(missing_is_fine=True):
            found = self._client.subscriptions.retrieve(identifier)
        return subscription_of(plain(found)) if found else None

    def subscribe(
        self, customer: str, mark: str, quantity: int, *unique: object, rooms: int = 0, coupon: str = ""
    ) -> Subscription:
        """Of `quantity` bots, `rooms` are charged as rooms. With the same `unique`, repeated calls make only one subscription.
        Raises `NoCoupon`.
        """
        price = self._catalogue.price()
        chosen = [{"price": price, "quantity": quantity - rooms}] if quantity > rooms else []
        if rooms:
            chosen.append({"price": self._catalogue.room_price(), "quantity": rooms})
            unique = (*unique, rooms, chosen[-1]["price"])
        wanted: Any = {
            "customer": customer,
            "items": chosen,
            "metadata": {MARK: mark},
            # Nobody is at the browser now, and the card was set up for that: without this, banks would ask again.
            "off_session": True,
            **({"discounts": [{"coupon": coupon}]} if coupon else {}),
            **self._catalogue.tax(),
        }
        key = key_of("subscription", customer, mark, quantity, price, self._settings.tax, coupon, *unique)
        with answers(), self._changing(), taken(coupon):
            made = self._client.subscriptions.create(wanted, {"idempotency_key": key})
        return subscription_of(plain(made))

    def change_quantity(self, subscription: Subscription, quantity: int, rooms: int = 0) -> Subscription:
        """Of `quantity` bots, `rooms` are charged as rooms. Stripe settles the remaining days with the next invoice."""
        bots = _item(subscription.item, self._catalogue.price, quantity - rooms)
        wanted: Any = {
            "items": [*bots, *_item(subscription.room_item, self._catalogue.room_price, rooms)],
            "proration_behavior": "create_prorations",
            "off_session": True,
        }
        with answers(), self._changing():
            made = self._client.subscriptions.update(subscription.id, wanted)
        return subscription_of(plain(made))

    def end_with_period(self, subscription: Subscription, *, ends: bool) -> Subscription:
        wanted: Any = {"cancel_at_period_end": True} if ends else {"cancel_at": ""}
        with answers(), self._changing():
            made = self._client.subscriptions.update(subscription.id, wanted)
        return subscription_of(plain(made))

    def end_now(self, subscription: Subscription) -> None:
        """What was paid for unused days is credited to the customer at once. What was not paid is no longer demanded."""
        wanted: Any = {"prorate": True, "invoice_now": True}
        if subscription.status in OWES:
            wanted = {}
            for invoice in invoices_of(self._client, subscription.id, "open"):
                with answers(missing_is_fine=True), self._changing():
                    self._client.invoices.void_invoice(invoice)
        with answers(missing_is_fine=True), self._changing():
            self._client.subscriptions.cancel(subscription.id, wanted)

    # Events

    def event_in(self, payload: bytes, signature: str) -> dict[str, Any]:
        """Raises `Forged`."""
        try:
            event = self._stripe.construct_event(payload, signature, self._settings.webhook_secret())
        except (ValueError, stripe.SignatureVerificationError) as error:
            raise Forged("This does not come from Stripe.") from error
        return plain(event)

    def events_since(self, since: datetime, most: int) -> Iterator[dict[str, Any]]:
        """The latest first."""
        wanted: Any = {"created": {"gte": int(since.timestamp())}, "limit": MOST}
        with answers():
            for number, event in enumerate(self._client.events.list(wanted).auto_paging_iter()):
                if number >= most:
                    return
                yield plain(event)

    def customer_of_charge(self, charge: str) -> str:
        found: Any = None
        with answers(missing_is_fine=True):
            found = self._client.charges.retrieve(charge)
        return str(found.customer or "") if found else ""

    @contextmanager
    def _changing(self) -> Iterator[None]:
        self._calls()
        yield
        self._calls()


def _item(item: str, price: Callable[[], str], quantity: int) -> list[dict[str, Any]]:
    """The parameters for one item of a subscription: changed, removed, added, or left out."""
    if item:
        return [{"id": item, "quantity": quantity} if quantity else {"id": item, "deleted": True}]
    return [{"price": price(), "quantity": quantity}] if quantity else []
