"""The items of a subscription: a price, and how many of it."""

from __future__ import annotations

import copy
from typing import Any

from stripe_standin.errors import Refused, invalid
from stripe_standin.shapes import new
from stripe_standin.store import Object, new_id
from stripe_standin.world import World


def priced(world: World, given: dict[str, Any], of: Object | None = None) -> tuple[Object, int]:
    if "price_data" in given or "plan" in given:
        raise Refused(501, "This stand-in takes an item's price by its id.", "standin_error")
    price = (
        world.store.get("price", given["price"], "items[price]")
        if "price" in given
        else (of or {}).get("price")
    )
    if price is None:
        raise invalid("Missing required param: items[0][price].", "items[0][price]", "parameter_missing")
    if not price["active"] and (of is None or price["id"] != of["price"]["id"]):
        raise invalid(
            "The price specified is inactive. This field only accepts active prices.", "items[0][price]"
        )
    if not price["recurring"]:
        raise invalid("The price specified is set to `type=one_time`.", "items[0][price]")
    return price, given.get("quantity", of["quantity"] if of else 1)


def item(world: World, subscription: Object, price: Object, quantity: int, period: tuple[int, int]) -> Object:
    return new(
        "subscription_item",
        id=new_id("si", 14),
        billing_thresholds=None,
        created=world.now(subscription),
        current_period_start=period[0],
        current_period_end=period[1],
        plan=plan_of(price),
        price=copy.deepcopy(price),
        quantity=quantity,
        subscription=subscription["id"],
    )


def plan_of(price: Object) -> Object:
    return new(
        "plan",
        id=price["id"],
        active=price["active"],
        amount=price["unit_amount"],
        amount_decimal=price["unit_amount_decimal"],
        billing_scheme="per_unit",
        created=price["created"],
        currency=price["currency"],
        interval=price["recurring"]["interval"],
        interval_count=price["recurring"]["interval_count"],
        product=price["product"],
        usage_type="licensed",
    )
