"""What is left at Stripe when a subscription is over."""

from typing import Any

from butt.billing.calls import Changing, answers
from butt.billing.interface import BadCard
from butt.billing.seen import MOST, invoices_of, key_of, plain


class Settling:
    """Each method raises `NoAnswer` and `NoCustomer`."""

    def __init__(self, client: Any, changing: Changing) -> None:
        self._client, self._changing = client, changing

    def settle(self, customer: str, subscription: str, *, by_us: bool) -> None:
        """What waits of a subscription that is over goes to the customer's balance: it would wait for ever.

        One that we ended in the hour after a renewal left an invoice that is not final. The days that were credited are its
        own, so it is charged, with the credit.
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
                # Void, it would give the credit back that was used for it.
                with answers(missing_is_fine=True), self._changing():
                    self._client.invoices.mark_uncollectible(left)

    def _credit(self, customer: str, item: dict[str, Any]) -> None:
        """Each item by itself, and marked with it: killed in between, none counts twice."""
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
