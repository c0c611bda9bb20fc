"""What is sold at Stripe: the product, its price, and the tax that is added. Each is made once, and found again by its name."""

from typing import Any

import stripe

from butt.billing.calls import Changing, answers
from butt.billing.seen import MOST, PRODUCT, key_of, plain
from butt.configuration import Configuration


class Catalogue:
    """Each method raises `NoAnswer`."""

    def __init__(self, client: Any, settings: Configuration, changing: Changing) -> None:
        self._client, self._settings, self._changing = client, settings, changing
        self._price = self._rate = ""

    def price(self) -> str:
        """The price is known by a name of ours, so that it is made once. Another amount is another price."""
        if self._price:
            return self._price
        name = self._settings.price_name
        with answers():
            found = self._client.prices.list({"lookup_keys": [name], "active": True}).data
        if not found:
            found = [self._new_price(name)]
        self._price = found[0].id
        return self._price

    def _new_price(self, name: str) -> Any:
        with answers():
            try:
                self._client.products.retrieve(PRODUCT)
            except stripe.InvalidRequestError as error:
                if error.code != "resource_missing":
                    raise
                product: Any = {"id": PRODUCT, "name": f"A bot on {self._settings.site_name}"}
                with self._changing():
                    self._client.products.create(
                        product, {"idempotency_key": key_of("product", *product.values())}
                    )
            wanted: Any = {
                "product": PRODUCT,
                "unit_amount": self._settings.price,
                "currency": self._settings.currency,
                "recurring": {"interval": "month"},
                "lookup_key": name,
                "tax_behavior": "exclusive",
            }
            with self._changing():
                return self._client.prices.create(wanted, {"idempotency_key": key_of("price", name)})

    def tax(self) -> dict[str, Any]:
        """The parameters of a subscription that say which tax is added."""
        tax = self._settings.tax
        if tax == "stripe":
            return {"automatic_tax": {"enabled": True}}
        return {} if tax == "none" else {"default_tax_rates": [self._taxed(float(tax.rstrip("%")))]}

    def _taxed(self, per_cent: float) -> str:
        """The tax rate of the setting, made once."""
        if self._rate:
            return self._rate
        mark = {"butt": f"{per_cent:g}"}
        with answers():
            rates = self._client.tax_rates.list({"active": True, "limit": MOST}).auto_paging_iter()
            found = next((each.id for each in rates if plain(each)["metadata"] == mark), "")
            if not found:
                wanted: Any = {
                    "display_name": "VAT",
                    "inclusive": False,
                    "percentage": per_cent,
                    "metadata": mark,
                }
                with self._changing():
                    found = self._client.tax_rates.create(
                        wanted, {"idempotency_key": key_of("rate", per_cent)}
                    ).id
        self._rate = found
        return found
