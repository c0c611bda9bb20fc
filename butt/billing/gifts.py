"""Stripe coupons, and a free month, given to a payer by an operator."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import stripe

from butt.billing.calls import answers
from butt.billing.interface import FREE_MONTH, NoCoupon
from butt.billing.seen import key_of, plain

GONE = frozenset({"resource_missing", "coupon_expired", "coupon_max_redemptions"})


class Gifts:
    """Calls to Stripe about coupons. Each method raises `NoAnswer`."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def check(self, coupon: str) -> None:
        """Raises `NoCoupon`. The free month is made when it is first given."""
        with answers(missing_is_fine=True):
            found = plain(self._client.coupons.retrieve(coupon))
            if not found["valid"]:
                raise NoCoupon(f"The coupon {coupon} is no longer valid.")
            return
        if coupon != FREE_MONTH:
            raise NoCoupon(f"Stripe has no coupon {coupon}. Make it in Stripe's dashboard first.")
        wanted = {"id": FREE_MONTH, "name": "A free month", "percent_off": 100, "duration": "once"}
        with answers():
            self._client.coupons.create(wanted, {"idempotency_key": key_of("coupon", FREE_MONTH)})

    def give(self, subscription: str, coupon: str) -> None:
        """Add it to the coupons that the subscription has. Given twice before it was used, it counts once. Raises `NoCoupon`."""
        with answers():
            discounts = plain(self._client.subscriptions.retrieve(subscription, {"expand": ["discounts"]}))[
                "discounts"
            ]
            if any((each.get("source") or {}).get("coupon") == coupon for each in discounts):
                return
            wanted: Any = {
                "discounts": [*({"discount": each["id"]} for each in discounts), {"coupon": coupon}]
            }
            with taken(coupon):
                self._client.subscriptions.update(subscription, wanted)


@contextmanager
def taken(coupon: str) -> Iterator[None]:
    """Raises `NoCoupon` if Stripe says that the coupon is gone by now."""
    try:
        yield
    except stripe.InvalidRequestError as error:
        if coupon and error.code in GONE and "coupon" in (error.param or ""):
            raise NoCoupon(f"Stripe no longer accepts the coupon {coupon}.") from error
        raise
