"""Payment methods: cards and bank accounts of the published test numbers."""

from __future__ import annotations

from typing import Any

from stripe_standin import banks
from stripe_standin.cards import CARDS, IBANS, NAMED
from stripe_standin.errors import declined, invalid
from stripe_standin.metadata import merge
from stripe_standin.routes import route
from stripe_standin.shapes import new
from stripe_standin.store import Object, new_id
from stripe_standin.world import World


def make(world: World, given: dict[str, Any]) -> Object:
    """Raises `Refused` if there can be no such card."""
    kind = given["type"]
    details = given.get("billing_details") or {}
    address = details.get("address") or {}
    billing = {
        "address": {
            part: address.get(part) for part in ("city", "country", "line1", "line2", "postal_code", "state")
        },
        **{name: details.get(name) for name in ("email", "name", "phone", "tax_id")},
    }
    method = new(
        "payment_method", id=new_id("pm"), allow_redisplay="unspecified", billing_details=billing, type=kind
    )
    method["created"] = world.now()
    del method["card"]
    if kind == "card":
        number = str(given["card"]["number"]).replace(" ", "")
        method["card"] = _card(world, number, given["card"])
    elif kind == "sepa_debit":
        number = str(given["sepa_debit"]["iban"]).replace(" ", "").upper()
        if number not in IBANS:
            raise declined(
                "invalid_iban", "The IBAN you entered is invalid.", code="invalid_bank_account_iban"
            )
        account = {
            "country": IBANS[number].country,
            "last4": number[-4:],
            "bank_code": None,
            "branch_code": None,
        }
        method["sepa_debit"] = {**account, "fingerprint": new_id("x", 16)[2:], "generated_from": None}
    else:
        raise invalid(f"This stand-in has no payment methods of type {kind}.", "type")
    world.hide(method["id"], number=number, set_up=False)
    world.store.put("payment_method", method)
    return method


def _card(world: World, number: str, given: dict[str, Any]) -> dict[str, Any]:
    if number not in CARDS:
        raise declined("incorrect_number", "Your card number is incorrect.", code="incorrect_number")
    card, year, month = CARDS[number], int(given["exp_year"]), int(given["exp_month"])
    year += 2000 if year < 100 else 0
    if not banks.is_current(world.now(), year, month):
        raise declined(
            "invalid_expiry_year", "Your card's expiration year is invalid.", code="invalid_expiry_year"
        )
    return {
        "brand": card.brand,
        "checks": {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": "pass"},
        "country": card.country,
        "display_brand": card.brand,
        "exp_month": month,
        "exp_year": year,
        "fingerprint": new_id("x", 16)[2:],
        "funding": card.funding,
        "generated_from": None,
        "last4": number[-4:],
        "networks": {"available": [card.brand], "preferred": None},
        "regulated_status": "unregulated",
        "three_d_secure_usage": {"supported": True},
        "wallet": None,
    }


def named(world: World, identifier: str, param: str = "payment_method") -> Object:
    """The payment method with this id; a published name like `pm_card_visa` makes a new one."""
    if identifier in NAMED:
        year = 2000 + (world.now() // 31_557_600 - 30) + 4
        return make(
            world, {"type": "card", "card": {"number": NAMED[identifier], "exp_month": 12, "exp_year": year}}
        )
    return world.store.get("payment_method", identifier, param)


def attach(world: World, method: Object, customer: str) -> Object:
    """Raises `Refused` if it belongs to another customer."""
    if method["customer"] == customer:
        return method
    if method["customer"] or world.hidden(method["id"]).get("detached"):
        raise invalid(
            "This PaymentMethod was previously used without being attached to a Customer or was detached from a "
            "Customer, and may not be used again.",
            "payment_method",
        )
    world.update("payment_method", method, {"customer": customer})
    world.emit("payment_method.attached", method)
    return method


@route(
    "POST",
    "/v1/payment_methods",
    "PaymentMethodCreateParams",
    "type card billing_details sepa_debit metadata",
)
def create(world: World, given: dict[str, Any]) -> Object:
    return make(world, given)


@route("GET", "/v1/payment_methods", "PaymentMethodListParams", "customer type")
def list_all(world: World, given: dict[str, Any]) -> list[Object]:
    found = [each for each in world.store.all("payment_method") if each["customer"]]
    return [
        each
        for each in found
        if all(each[name] == given[name] for name in ("customer", "type") if name in given)
    ]


@route("GET", "/v1/payment_methods/{method}", "PaymentMethodRetrieveParams")
def retrieve(world: World, given: dict[str, Any], method: str) -> Object:  # noqa: ARG001
    return world.store.get("payment_method", method)


@route("POST", "/v1/payment_methods/{method}", "PaymentMethodUpdateParams", "metadata card")
def update(world: World, given: dict[str, Any], method: str) -> Object:
    there = world.store.get("payment_method", method)
    merge(there, given.get("metadata", {}))
    card = {
        **there["card"],
        **{name: value for name, value in (given.get("card") or {}).items() if name != "networks"},
    }
    return world.update("payment_method", there, {"card": card}, "payment_method.updated")


@route("POST", "/v1/payment_methods/{method}/attach", "PaymentMethodAttachParams", "customer")
def attach_to(world: World, given: dict[str, Any], method: str) -> Object:
    customer = world.store.get("customer", given["customer"], "customer")
    there = named(world, method, "id")
    decline = banks.setup_decline(world, there)
    if decline:
        raise declined(decline.decline_code, decline.message, code=decline.code)
    return attach(world, there, customer["id"])


@route("POST", "/v1/payment_methods/{method}/detach", "PaymentMethodDetachParams")
def detach(world: World, given: dict[str, Any], method: str) -> Object:  # noqa: ARG001
    there = world.store.get("payment_method", method)
    owner = world.store.find("customer", there["customer"])
    if owner and owner["invoice_settings"]["default_payment_method"] == method:
        settings = {**owner["invoice_settings"], "default_payment_method": None}
        world.update("customer", owner, {"invoice_settings": settings}, "customer.updated")
    world.hide(method, detached=True)
    world.update("payment_method", there, {"customer": None})
    world.emit("payment_method.detached", there)
    return there
