"""What is left at Stripe when a subscription has ended."""

from typing import Any

from butt.billing.calls import Changing, answers
from butt.billing.interface import BadCard
from butt.billing.seen import MOST, invoices_of, key_of, plain


class Settling:
    """Each method raises `NoAnswer` and `NoCustomer`."""

    def __init__(self, client: Any, changing: Changing) -> None:
        self._client, self._changing = client, changing

    def settle(self, customer: str, subscription: str, *, by_us: bool) -> None:
        """Move pending items of an ended subscription to the customer's balance: otherwise they would wait for ever.

        If we ended it within an hour of a renewal, an invoice is left that is not final. The credited days are part of that
        invoice, so it is charged, less the credit.
        """
        with answers():
            found: Any = self._client.invoice_items.list(
                {"customer": customer, "pending": True, "limit": MOST}
            )
        for each in map(plain, found.data):
            if _subscription_of(each) == subscription:
                self._credit(customer, each)
        for draft in invoices_of(self._client, subscription, "draft") if by_us else []:
            with answers(), self._changing():
                self._client.invoices.finalize_invoice(draft, {"auto_advance": False})
        for left in invoices_of(self._client, subscription, "open") if by_us else []:
            try:
                with answers(), self._changing():
                    self._client.invoices.pay(left, {"off_session": True})
            except BadCard:
                # Voiding it would give back the credit that was used for it.
                with answers(missing_is_fine=True), self._changing():
                    self._client.invoices.mark_uncollectible(left)

    def _credit(self, customer: str, item: dict[str, Any]) -> None:
        """Each item separately, and marked with its id: none counts twice, even after a kill in between."""
        mark = {"item": item["id"]}
        if item["amount"]:
            with answers():
                before: Any = self._client.customers.balance_transactions.list(customer, {"limit": MOST})
            if all(plain(each)["metadata"] != mark for each in before.data):
                wanted: Any = {
                    "amount": item["amount"],
                    "currency": item["currency"],
                    "description": "Days settled",
                    "metadata": mark,
                }
                key = key_of("settle", item["id"])
                with answers(), self._changing():
                    self._client.customers.balance_transactions.create(
                        customer, wanted, {"idempotency_key": key}
                    )
        with answers(missing_is_fine=True), self._changing():
            self._client.invoice_items.delete(item["id"])


def _subscription_of(item: dict[str, Any]) -> str:
    details = (item.get("parent") or {}).get("subscription_details") or {}
    return str(details.get("subscription") or "")
