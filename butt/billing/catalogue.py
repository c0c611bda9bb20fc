"""What is sold at Stripe: the product, its price, and the tax that is added. Each is made once, and found again by its name."""

from typing import Any, NamedTuple

import stripe

from butt.billing.calls import Changing, answers
from butt.billing.seen import MOST, PRODUCT, ROOM_PRODUCT, key_of, plain
from butt.configuration import Configuration


class Sold(NamedTuple):
    """What is sold each month: its product, its name for people, the amount, and the name by which Stripe finds the price."""

    product: str
    words: str
    amount: int
    name: str


def bot_of(settings: Configuration) -> Sold:
    """A different amount is a different price."""
    return Sold(PRODUCT, "A bot", settings.price, f"butt-bot-month-{settings.price}-{settings.currency}")


def room_of(settings: Configuration) -> Sold:
    """Used if a room costs a different amount than other bots."""
    amount = settings.price_of("room")
    return Sold(ROOM_PRODUCT, "A room", amount, f"butt-room-month-{amount}-{settings.currency}")


class Catalogue:
    """Each method raises `NoAnswer`."""

    def __init__(self, client: Any, settings: Configuration, changing: Changing) -> None:
        self._client, self._settings, self._changing = client, settings, changing
        self._prices: dict[str, str] = {}
        self._rate = ""

    def price(self) -> str:
        """The price of a bot."""
        return self._price_of(bot_of(self._settings))

    def room_price(self) -> str:
        """The price of a room, if that costs a different amount."""
        return self._price_of(room_of(self._settings))

    def _price_of(self, sold: Sold) -> str:
        """The price has a name chosen by us, so that it is made once. A different amount is a different price."""
        if sold.name not in self._prices:
            with answers():
                found = self._client.prices.list({"lookup_keys": [sold.name], "active": True}).data
            if not found:
                found = [self._new_price(sold)]
            self._prices[sold.name] = found[0].id
        return self._prices[sold.name]

    def _new_price(self, sold: Sold) -> Any:
        with answers():
            try:
                self._client.products.retrieve(sold.product)
            except stripe.InvalidRequestError as error:
                if error.code != "resource_missing":
                    raise
                product: Any = {"id": sold.product, "name": f"{sold.words} on {self._settings.site_name}"}
                with self._changing():
                    self._client.products.create(
                        product, {"idempotency_key": key_of("product", *product.values())}
                    )
            wanted: Any = {
                "product": sold.product,
                "unit_amount": sold.amount,
                "currency": self._settings.currency,
                "recurring": {"interval": "month"},
                "lookup_key": sold.name,
                "tax_behavior": "exclusive",
            }
            with self._changing():
                return self._client.prices.create(wanted, {"idempotency_key": key_of("price", sold.name)})

    def tax(self) -> dict[str, Any]:
        """The subscription parameters that say which tax is added."""
        tax = self._settings.tax
        if tax == "stripe":
            return {"automatic_tax": {"enabled": True}}
        return {} if tax == "none" else {"default_tax_rates": [self._taxed(float(tax.rstrip("%")))]}

    def _taxed(self, per_cent: float) -> str:
        """The tax rate from the settings, made once."""
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
