"""The calls about invoices."""

from __future__ import annotations

from typing import Any

from stripe_standin import invoicing, lines, payments
from stripe_standin.errors import Refused, declined, invalid
from stripe_standin.metadata import merge
from stripe_standin.methods import named
from stripe_standin.routes import route
from stripe_standin.store import Object
from stripe_standin.world import World


@route("GET", "/v1/invoices", "InvoiceListParams", "customer subscription status collection_method")
def list_all(world: World, given: dict[str, Any]) -> list[Object]:
    found = world.store.all("invoice")
    if "subscription" in given:
        found = [
            each
            for each in found
            if (invoicing.subscription_of(world, each) or {}).get("id") == given["subscription"]
        ]
    fields = ("customer", "status", "collection_method")
    return [each for each in found if all(each[name] == given[name] for name in fields if name in given)]


@route(
    "POST", "/v1/invoices", "InvoiceCreateParams", "customer subscription auto_advance metadata description"
)
def create(world: World, given: dict[str, Any]) -> Object:
    customer = world.store.get("customer", given["customer"], "customer")
    subscription = world.store.find("subscription", given.get("subscription"))
    invoice = invoicing.draft(world, customer, subscription, "manual")
    invoice["auto_advance"] = given.get("auto_advance", False)
    if subscription and not lines.pendings(world, customer["id"], subscription["id"]):
        raise Refused(400, "Nothing to invoice for subscription", code="invoice_no_subscription_line_items")
    merge(invoice, given.get("metadata", {}))
    invoicing.fill(world, invoice, [], subscription)
    if invoice["auto_advance"]:
        world.update("invoice", invoice, {"automatically_finalizes_at": invoice["created"] + 3600})
    return invoice


@route("GET", "/v1/invoices/{invoice}", "InvoiceRetrieveParams")
def retrieve(world: World, given: dict[str, Any], invoice: str) -> Object:  # noqa: ARG001
    return world.store.get("invoice", invoice)


@route(
    "POST", "/v1/invoices/{invoice}", "InvoiceUpdateParams", "auto_advance metadata default_payment_method"
)
def update(world: World, given: dict[str, Any], invoice: str) -> Object:
    there = world.store.get("invoice", invoice)
    merge(there, given.pop("metadata", {}))
    return world.update("invoice", there, given, "invoice.updated")


@route("DELETE", "/v1/invoices/{invoice}", "InvoiceDeleteParams")
def delete(world: World, given: dict[str, Any], invoice: str) -> Object:  # noqa: ARG001
    there = world.store.get("invoice", invoice)
    if there["status"] != "draft":
        raise invalid("You can only delete draft invoices.")
    world.store.remove("invoice", invoice)
    world.emit("invoice.deleted", there)
    return {"id": invoice, "object": "invoice", "deleted": True}


@route("POST", "/v1/invoices/{invoice}/finalize", "InvoiceFinalizeInvoiceParams", "auto_advance")
def finalize_one(world: World, given: dict[str, Any], invoice: str) -> Object:
    there = world.store.get("invoice", invoice)
    if there["status"] != "draft":
        raise invalid("This invoice is already finalized, you can't re-finalize a non-draft invoice.")
    there["auto_advance"] = given.get("auto_advance", there["auto_advance"])
    invoicing.finalize(world, there)
    return there


@route(
    "POST", "/v1/invoices/{invoice}/pay", "InvoicePayParams", "payment_method off_session paid_out_of_band"
)
def pay(world: World, given: dict[str, Any], invoice: str) -> Object:
    there = world.store.get("invoice", invoice)
    if there["status"] == "draft":
        invoicing.finalize(world, there)
    if there["status"] == "paid":
        raise invalid("Invoice is already paid")
    if there["status"] not in {"open", "uncollectible"}:
        raise invalid(f"Invoices with status {there['status']} cannot be paid.")
    if given.get("paid_out_of_band"):
        invoicing.paid(world, there)
        return there
    method = (
        named(world, given["payment_method"])
        if given.get("payment_method")
        else invoicing.method_for(world, there)
    )
    if method is None:
        raise invalid(
            "There is no `default_payment_method` set on this Customer or Invoice. Please create a default payment method "
            "(or provide one in `payment_method`) and try again.",
            code="missing",
        )
    invoicing.collect(world, there, method, off_session=given.get("off_session", True) is True, by_hand=True)
    intent = invoicing.intent_of(world, there)
    if intent and there["status"] == "open" and intent["status"] != "processing":
        if intent["status"] == "requires_action":
            message = f"{payments.ASKS} Payment can be completed using the PaymentIntent associated with invoice `{invoice}`."
            raise declined("", message, code="invoice_payment_intent_requires_action")
        error = intent["last_payment_error"]
        raise declined(error["decline_code"], error["message"], code=error["code"])
    return there


@route("POST", "/v1/invoices/{invoice}/void", "InvoiceVoidInvoiceParams")
def void_one(world: World, given: dict[str, Any], invoice: str) -> Object:  # noqa: ARG001
    there = world.store.get("invoice", invoice)
    if there["status"] not in {"open", "uncollectible"}:
        raise invalid("You can only void an open invoice.")
    invoicing.void(world, there)
    return there


@route("POST", "/v1/invoices/{invoice}/mark_uncollectible", "InvoiceMarkUncollectibleParams")
def uncollectible(world: World, given: dict[str, Any], invoice: str) -> Object:  # noqa: ARG001
    there = world.store.get("invoice", invoice)
    invoicing.void(world, there, "uncollectible")
    return there


@route("GET", "/v1/invoice_payments", "InvoicePaymentListParams", "invoice status")
def payments_of(world: World, given: dict[str, Any]) -> list[Object]:
    found = world.store.all("invoice_payment")
    return [
        each
        for each in found
        if all(each[name] == given[name] for name in ("invoice", "status") if name in given)
    ]


@route("GET", "/v1/invoiceitems", "InvoiceItemListParams", "customer invoice pending")
def items(world: World, given: dict[str, Any]) -> list[Object]:
    found = [
        each for each in world.store.all("invoiceitem") if given.get("customer") in {None, each["customer"]}
    ]
    if "pending" in given:
        found = [each for each in found if (each["invoice"] is None) == given["pending"]]
    return [each for each in found if given.get("invoice") in {None, each["invoice"]}]


@route("DELETE", "/v1/invoiceitems/{item}", "InvoiceItemDeleteParams")
def delete_item(world: World, given: dict[str, Any], item: str) -> Object:  # noqa: ARG001
    there = world.store.get("invoiceitem", item)
    if there["invoice"]:
        raise invalid("This invoice item is on an invoice already.")
    world.store.remove("invoiceitem", item)
    world.emit("invoiceitem.deleted", there)
    return {"id": item, "object": "invoiceitem", "deleted": True}
