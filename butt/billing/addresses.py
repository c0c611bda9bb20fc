"""Calls to Stripe about the address and the tax number on invoices."""

from typing import Any

import stripe

from butt.billing.address import FIELDS, BadAddress, InvoiceAddress
from butt.billing.calls import Changing, NoCustomer, answers
from butt.billing.seen import plain


class Addresses:
    """Each method raises `NoAnswer` and `NoCustomer`."""

    def __init__(self, client: Any, changing: Changing) -> None:
        self._client, self._changing = client, changing

    def of(self, customer: str) -> InvoiceAddress:
        """Whom the customer's invoices are addressed to."""
        with answers():
            found = plain(self._client.customers.retrieve(customer, {"expand": ["tax_ids"]}))
        if found.get("deleted"):
            raise NoCustomer
        numbers = found["tax_ids"]["data"]
        address = {**(found["address"] or {}), "name": found["name"]}
        kept = {name: address.get(name) or "" for name in FIELDS}
        return InvoiceAddress(**{**kept, "tax_number": numbers[0]["value"] if numbers else ""})

    def tell(self, customer: str, address: InvoiceAddress) -> None:
        """Raises `BadAddress` if Stripe rejects the tax number."""
        with answers():
            before = [plain(each) for each in self._client.customers.tax_ids.list(customer).data]
        if address.tax_number and address.tax_number not in {each["value"] for each in before}:
            number: Any = {"type": address.kind, "value": address.tax_number}
            try:
                with self._changing():
                    self._client.customers.tax_ids.create(customer, number)
            except stripe.InvalidRequestError as error:
                if error.code == "tax_id_invalid":
                    raise BadAddress(
                        "tax_number", "This is not a valid tax number for this country."
                    ) from error
                with answers():
                    raise
        parts = ("line1", "line2", "postal_code", "city", "state", "country")
        change: Any = {"name": address.name, "address": {name: getattr(address, name) for name in parts}}
        with answers(), self._changing():
            self._client.customers.update(customer, change)
        for each in before:
            if each["value"] != address.tax_number:
                with answers(missing_is_fine=True), self._changing():
                    self._client.customers.tax_ids.delete(customer, each["id"])
