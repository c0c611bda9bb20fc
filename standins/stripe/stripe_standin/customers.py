"""Customers, their tax numbers, and their balance."""

from __future__ import annotations

import re
from typing import Any

from stripe_standin import renewals
from stripe_standin.errors import invalid
from stripe_standin.metadata import merge
from stripe_standin.routes import route
from stripe_standin.shapes import new
from stripe_standin.store import Object, new_id
from stripe_standin.world import World

KNOWN = "address balance description email invoice_settings metadata name phone preferred_locales tax_exempt"
MOST_ON_A_CLOCK = 3
LONGEST_EMAIL = 512


@route("POST", "/v1/customers", "CustomerCreateParams", KNOWN + " test_clock tax_id_data tax payment_method")
def create(world: World, given: dict[str, Any]) -> Object:
    clock = given.get("test_clock")
    if clock:
        world.store.get("test_helpers.test_clock", clock, "test_clock")
        if sum(each["test_clock"] == clock for each in world.store.all("customer")) >= MOST_ON_A_CLOCK:
            raise invalid(f"A test clock has at most {MOST_ON_A_CLOCK} customers.", "test_clock")
    customer = new(
        "customer",
        id=new_id("cus", 14),
        address=None,
        balance=0,
        created=world.frozen(clock)["frozen_time"] if clock else world.now(),
        delinquent=False,
        discount=None,
        invoice_prefix=new_id("x", 8)[2:].upper(),
        invoice_settings={
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        next_invoice_sequence=1,
        shipping=None,
        tax_exempt="none",
        test_clock=clock,
    )
    _take(world, customer, given)
    world.store.put("customer", customer)
    world.hide(customer["id"], test_clock=clock)
    for each in given.get("tax_id_data", []):
        _tax_id(world, customer, each)
    world.emit("customer.created", customer)
    return customer


def _take(world: World, customer: Object, given: dict[str, Any]) -> None:
    email = given.get("email") or ""
    if len(email) > LONGEST_EMAIL or (email and not re.fullmatch(r"[^@\s]+@[^@\s]+", email)):
        raise invalid(f"Invalid email address: {email}", "email", "email_invalid")
    for name in ("balance", "description", "email", "name", "phone", "preferred_locales", "tax_exempt"):
        if name in given:
            customer[name] = given[name] or (0 if name == "balance" else None)
    if "address" in given:
        parts = ("city", "country", "line1", "line2", "postal_code", "state")
        customer["address"] = (
            {part: given["address"].get(part) for part in parts} if given["address"] else None
        )
    if "metadata" in given:
        merge(customer, given["metadata"])
    settings = given.get("invoice_settings", {})
    if "default_payment_method" in settings:
        method = settings["default_payment_method"]
        if method:
            found = world.store.get("payment_method", method, "invoice_settings[default_payment_method]")
            if found["customer"] != customer["id"]:
                raise invalid(
                    f"The customer does not have a payment method with the ID {method}. The payment method must be "
                    "attached to the customer.",
                    "invoice_settings[default_payment_method]",
                    "resource_missing",
                )
        customer["invoice_settings"] = {
            **customer["invoice_settings"],
            "default_payment_method": method or None,
        }
    customer["tax_exempt"] = customer["tax_exempt"] or "none"


@route("GET", "/v1/customers", "CustomerListParams", "email test_clock")
def list_all(world: World, given: dict[str, Any]) -> list[Object]:
    found = world.store.all("customer")
    if "email" in given:
        found = [each for each in found if each["email"] == given["email"]]
    clock = given.get("test_clock")
    return [each for each in found if (each["test_clock"] == clock if clock else not each["test_clock"])]


@route("GET", "/v1/customers/{customer}", "CustomerRetrieveParams")
def retrieve(world: World, given: dict[str, Any], customer: str) -> Object:  # noqa: ARG001
    if world.hidden(customer).get("deleted"):
        return {"id": customer, "object": "customer", "deleted": True}
    return world.store.get("customer", customer)


@route("POST", "/v1/customers/{customer}", "CustomerUpdateParams", KNOWN)
def update(world: World, given: dict[str, Any], customer: str) -> Object:
    there = world.store.get("customer", customer)
    fresh = {**there}
    _take(world, fresh, given)
    return world.update("customer", there, fresh, "customer.updated")


@route("DELETE", "/v1/customers/{customer}", "CustomerDeleteParams")
def delete(world: World, given: dict[str, Any], customer: str) -> Object:  # noqa: ARG001
    there = world.store.get("customer", customer)
    for each in world.store.all("subscription"):
        if each["customer"] == customer and each["status"] not in renewals.OVER:
            renewals.end(world, each, reason="cancellation_requested")
    for method in world.store.all("payment_method"):
        if method["customer"] == customer:
            world.update("payment_method", method, {"customer": None})
    world.hide(customer, deleted=True)
    world.store.remove("customer", customer)
    world.emit("customer.deleted", there)
    return {"id": customer, "object": "customer", "deleted": True}


# Tax numbers


def _tax_id(world: World, customer: Object, given: dict[str, Any]) -> Object:
    if given["type"] == "eu_vat" and not re.fullmatch(r"[A-Z]{2}[0-9A-Z+*]{2,12}", given["value"]):
        raise invalid(f"Invalid value for {given['type']}.", "value", "tax_id_invalid")
    owner = {"customer": customer["id"], "customer_account": None, "type": "customer"}
    made = new(
        "tax_id",
        id=new_id("txi"),
        country=given["value"][:2] if given["type"] == "eu_vat" else None,
        created=world.now(customer),
        customer=customer["id"],
        owner=owner,
        type=given["type"],
        value=given["value"],
        verification={"status": "pending", "verified_address": None, "verified_name": None},
    )
    world.store.put("tax_id", made)
    return made


@route("POST", "/v1/customers/{customer}/tax_ids", "CustomerTaxIdCreateParams", "type value")
def create_tax_id(world: World, given: dict[str, Any], customer: str) -> Object:
    made = _tax_id(world, world.store.get("customer", customer), given)
    world.emit("customer.tax_id.created", made)
    return made


@route("GET", "/v1/customers/{customer}/tax_ids", "CustomerTaxIdListParams")
def tax_ids(world: World, given: dict[str, Any], customer: str) -> list[Object]:  # noqa: ARG001
    return [each for each in world.store.all("tax_id") if each["customer"] == customer]


@route("DELETE", "/v1/customers/{customer}/tax_ids/{number}", "CustomerTaxIdDeleteParams")
def delete_tax_id(world: World, given: dict[str, Any], customer: str, number: str) -> Object:  # noqa: ARG001
    there = world.store.get("tax_id", number)
    world.store.remove("tax_id", number)
    world.emit("customer.tax_id.deleted", there)
    return {"id": number, "object": "tax_id", "deleted": True}
