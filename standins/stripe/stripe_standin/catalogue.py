"""What is sold: products, prices, coupons and tax rates."""

from __future__ import annotations

from typing import Any

from stripe_standin.errors import Refused, invalid
from stripe_standin.metadata import merge
from stripe_standin.routes import route
from stripe_standin.shapes import new
from stripe_standin.store import Object, new_id
from stripe_standin.world import World

RATES = {"AT": 20, "BE": 21, "DE": 19, "ES": 21, "FR": 20, "IE": 23, "IT": 22, "NL": 21, "NZ": 15, "AU": 10}
"""Per cent that automatic tax adds, by the payer's country; elsewhere none."""


@route("POST", "/v1/products", "ProductCreateParams", "id name description metadata tax_code")
def create_product(world: World, given: dict[str, Any]) -> Object:
    identifier = given.get("id") or new_id("prod", 14)
    _is_new(world, "product", identifier)
    product = new(
        "product", id=identifier, active=True, created=world.now(), updated=world.now(), type="service"
    )
    product.update({name: given[name] for name in ("name", "description", "tax_code") if name in given})
    merge(product, given.get("metadata", {}))
    world.store.put("product", product)
    world.emit("product.created", product)
    return product


def _is_new(world: World, kind: str, identifier: str) -> None:
    if world.store.find(kind, identifier):
        raise invalid(f"{kind.title()} already exists.", "id", "resource_already_exists")


@route("GET", "/v1/products/{product}", "ProductRetrieveParams")
def product(world: World, given: dict[str, Any], product: str) -> Object:  # noqa: ARG001
    return world.store.get("product", product)


PRICE = "currency unit_amount recurring product product_data lookup_key metadata nickname tax_behavior transfer_lookup_key"


@route("POST", "/v1/prices", "PriceCreateParams", PRICE)
def create_price(world: World, given: dict[str, Any]) -> Object:
    key = given.get("lookup_key")
    holder = next((each for each in world.store.all("price") if key and each["lookup_key"] == key), None)
    if holder and not given.get("transfer_lookup_key"):
        raise invalid(
            f"A price (`{holder['id']}`) already uses that lookup key.",
            "lookup_key",
            "resource_already_exists",
        )
    if holder:
        world.update("price", holder, {"lookup_key": None}, "price.updated")
    if given["currency"] != given["currency"].lower() or len(given["currency"]) != 3:
        raise invalid(f"Invalid currency: {given['currency']}", "currency")
    of = given.get("product")
    if of:
        world.store.get("product", of, "product")
    else:
        of = create_product(world, given["product_data"])["id"]
    rhythm = given.get("recurring") or {}
    price = new(
        "price",
        id=new_id("price"),
        active=True,
        billing_scheme="per_unit",
        created=world.now(),
        currency=given["currency"],
        lookup_key=key,
        nickname=given.get("nickname"),
        product=of,
        recurring={
            "interval": rhythm["interval"],
            "interval_count": rhythm.get("interval_count", 1),
            "meter": None,
            "trial_period_days": None,
            "usage_type": "licensed",
        }
        if rhythm
        else None,
        tax_behavior=given.get("tax_behavior", "unspecified"),
        type="recurring" if rhythm else "one_time",
        unit_amount=given.get("unit_amount", 0),
        unit_amount_decimal=str(given.get("unit_amount", 0)),
    )
    merge(price, given.get("metadata", {}))
    world.store.put("price", price)
    world.emit("price.created", price)
    return price


@route("GET", "/v1/prices", "PriceListParams", "lookup_keys active product currency type")
def prices(world: World, given: dict[str, Any]) -> list[Object]:
    keys = given.get("lookup_keys")
    found = [each for each in world.store.all("price") if keys is None or each["lookup_key"] in keys]
    fields = ("active", "product", "currency", "type")
    return [each for each in found if all(each[name] == given[name] for name in fields if name in given)]


@route("GET", "/v1/prices/{price}", "PriceRetrieveParams")
def price(world: World, given: dict[str, Any], price: str) -> Object:  # noqa: ARG001
    return world.store.get("price", price)


@route("POST", "/v1/prices/{price}", "PriceUpdateParams", "active metadata nickname")
def update_price(world: World, given: dict[str, Any], price: str) -> Object:
    there = world.store.get("price", price)
    merge(there, given.pop("metadata", {}))
    return world.update("price", there, given, "price.updated")


COUPON = (
    "id amount_off currency duration duration_in_months max_redemptions metadata name percent_off redeem_by"
)


@route("POST", "/v1/coupons", "CouponCreateParams", COUPON)
def create_coupon(world: World, given: dict[str, Any]) -> Object:
    if ("amount_off" in given) == ("percent_off" in given):
        raise invalid("You must pass either `percent_off` or `amount_off`.")
    if given.get("duration") == "repeating" and "duration_in_months" not in given:
        raise invalid(
            "You must specify duration_in_months when the duration is repeating.", "duration_in_months"
        )
    identifier = given.get("id") or new_id("x", 8)[2:]
    _is_new(world, "coupon", identifier)
    coupon = new("coupon", created=world.now(), times_redeemed=0, valid=True)
    coupon.update({"duration": "once", **given, "id": identifier, "metadata": given.get("metadata") or {}})
    world.store.put("coupon", coupon)
    world.emit("coupon.created", coupon)
    return coupon


@route("GET", "/v1/coupons", "CouponListParams")
def coupons(world: World, given: dict[str, Any]) -> list[Object]:  # noqa: ARG001
    return world.store.all("coupon")


@route("GET", "/v1/coupons/{coupon}", "CouponRetrieveParams")
def coupon(world: World, given: dict[str, Any], coupon: str) -> Object:  # noqa: ARG001
    return world.store.get("coupon", coupon)


@route("DELETE", "/v1/coupons/{coupon}", "CouponDeleteParams")
def delete_coupon(world: World, given: dict[str, Any], coupon: str) -> Object:  # noqa: ARG001
    world.emit("coupon.deleted", world.store.get("coupon", coupon))
    world.store.remove("coupon", coupon)
    return {"id": coupon, "object": "coupon", "deleted": True}


RATE = "display_name inclusive percentage active country description jurisdiction metadata tax_type"


@route("POST", "/v1/tax_rates", "TaxRateCreateParams", RATE)
def create_rate(world: World, given: dict[str, Any]) -> Object:
    rate = new("tax_rate", id=new_id("txr"), active=True, created=world.now())
    rate.update({**given, "metadata": given.get("metadata") or {}})
    world.store.put("tax_rate", rate)
    world.emit("tax_rate.created", rate)
    return rate


@route("GET", "/v1/tax_rates", "TaxRateListParams", "active inclusive")
def rates(world: World, given: dict[str, Any]) -> list[Object]:
    fields = ("active", "inclusive")
    found = world.store.all("tax_rate")
    return [each for each in found if all(each[name] == given[name] for name in fields if name in given)]


def rate_for(world: World, customer: Object) -> Object | None:
    """What automatic tax adds for this customer. Raises `Refused` if their location is unknown."""
    country = (customer["address"] or {}).get("country")
    if not country:
        raise Refused(
            400,
            "The customer's location isn't recognized. Set a valid customer address in order to automatically calculate "
            "tax.",
            code="customer_tax_location_invalid",
            param="automatic_tax",
        )
    has_number = any(
        each["customer"] == customer["id"] and each["type"] == "eu_vat" for each in world.store.all("tax_id")
    )
    if country not in RATES or (has_number and country != world.settings["country"]):
        return None
    mark = {"automatic": country}
    for each in world.store.all("tax_rate"):
        if each["metadata"] == mark:
            return each
    made = {"display_name": "VAT", "inclusive": False, "percentage": RATES[country], "country": country}
    return create_rate(world, {**made, "metadata": mark})
