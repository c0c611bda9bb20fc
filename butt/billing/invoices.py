"""Calls to Stripe about invoices: what is owed, what is paid, and what will be charged."""

from typing import Any

from butt.billing.calls import Changing, answers
from butt.billing.interface import Invoice
from butt.billing.seen import MOST, Debt, Subscription, invoice_of, invoices_of, plain
from butt.billing.words import CONFIRM, reason_of


class Invoices:
    """Each method raises `NoAnswer` and `NoCustomer`."""

    def __init__(self, client: Any, changing: Changing) -> None:
        self._client, self._changing = client, changing

    def pay(self, subscription: Subscription) -> None:
        """Try again to collect what is owed. Raises `BadCard` with the reason if that is refused."""
        for invoice in invoices_of(self._client, subscription.id, "open"):
            with answers(), self._changing():
                self._client.invoices.pay(invoice, {"off_session": True})

    def debt(self, subscription: Subscription) -> Debt | None:
        """What is unpaid on its latest invoice, and why."""
        if not subscription.invoice:
            return None
        with answers():
            expand = ["payments.data.payment.payment_intent"]
            found = plain(self._client.invoices.retrieve(subscription.invoice, {"expand": expand}))
        if found["status"] != "open":
            return None
        payments = found["payments"]["data"]
        intent = payments[0]["payment"]["payment_intent"] if payments else {}
        asks = intent.get("status") == "requires_action"
        error = intent.get("last_payment_error")
        return Debt(
            found["amount_remaining"],
            intent["client_secret"] if asks else "",
            CONFIRM if asks else reason_of(error) if error else "",
        )

    def upcoming(self, subscription: str) -> Invoice | None:
        """What Stripe will charge next, if anything."""
        found: Any = None
        with answers(missing_is_fine=True):
            found = self._client.invoices.create_preview({"subscription": subscription})
        if not found:
            return None
        made = plain(found)
        return invoice_of(
            {**made, "total": made["amount_due"], "created": made["next_payment_attempt"] or made["created"]}
        )

    def of(self, customer: str) -> list[Invoice]:
        """The latest first."""
        with answers():
            found: Any = self._client.invoices.list({"customer": customer, "limit": MOST})
        return [invoice_of(each) for each in map(plain, found.data) if each["status"] != "draft"]

    def open_of(self, customer: str) -> list[Invoice]:
        with answers():
            found: Any = self._client.invoices.list({"customer": customer, "status": "open", "limit": MOST})
        return [invoice_of(each) for each in map(plain, found.data)]
