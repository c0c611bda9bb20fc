"""Invoices, from draft to paid."""

from __future__ import annotations

import copy
from typing import Any

from stripe_standin import lines, payments, subscriptions
from stripe_standin.errors import Refused, declined, invalid
from stripe_standin.metadata import merge
from stripe_standin.methods import named
from stripe_standin.routes import route
from stripe_standin.shapes import examples, listed, new
from stripe_standin.store import Object, new_id
from stripe_standin.world import World

DAY = 86_400


def draft(world: World, customer: Object, subscription: Object | None, reason: str, **more: Any) -> Object:
    now = world.now(customer)
    details = (
        {"metadata": subscription["metadata"], "subscription": subscription["id"]} if subscription else None
    )
    parent = {"quote_details": None, "subscription_details": details, "type": "subscription_details"}
    automatic = subscription["automatic_tax"] if subscription else {"enabled": False}
    return new(
        "invoice",
        id=new_id("in"),
        account_country=world.settings["country"],
        amount_overpaid=0,
        amount_paid=0,
        amount_shipping=0,
        attempt_count=0,
        attempted=False,
        auto_advance=True,
        automatic_tax={
            "disabled_reason": None,
            "enabled": automatic["enabled"],
            "liability": {"type": "self"} if automatic["enabled"] else None,
            "provider": "stripe" if automatic["enabled"] else None,
            "status": None,
        },
        billing_reason=reason,
        collection_method="charge_automatically",
        created=now,
        currency=subscription["currency"] if subscription else customer["currency"] or "usd",
        customer=customer["id"],
        customer_address=customer["address"],
        customer_email=customer["email"],
        customer_name=customer["name"],
        customer_tax_exempt=customer["tax_exempt"],
        customer_tax_ids=[
            {"type": each["type"], "value": each["value"]}
            for each in world.store.all("tax_id")
            if each["customer"] == customer["id"]
        ],
        default_tax_rates=list(subscription["default_tax_rates"]) if subscription else [],
        issuer={"type": "self"},
        parent=parent if subscription else None,
        payment_settings={
            "default_mandate": None,
            "payment_method_options": None,
            "payment_method_types": None,
        },
        period_end=now,
        period_start=now,
        post_payment_credit_notes_amount=0,
        pre_payment_credit_notes_amount=0,
        starting_balance=0,
        status="draft",
        status_transitions=dict.fromkeys(examples()["invoice"]["status_transitions"]),
        test_clock=customer["test_clock"],
        **more,
    )


def fill(
    world: World, invoice: Object, rows: list[Object], subscription: Object | None, *, preview: bool = False
) -> None:
    """The lines that are given, with what is pending before them."""
    of = subscription["id"] if subscription else None
    waiting = lines.pendings(world, invoice["customer"], of)
    lines.total(
        world, invoice, [*(lines.of_item(each) for each in waiting), *rows], subscription, invoice["created"]
    )
    if preview:
        return
    for each in waiting:
        world.update("invoiceitem", each, {"invoice": invoice["id"]})
    world.store.put("invoice", invoice)
    world.emit("invoice.created", invoice)


def finalize(world: World, invoice: Object) -> None:
    """The customer's balance is used, and what is left is to be paid."""
    customer = world.store.get("customer", invoice["customer"])
    now = world.now(invoice)
    owed = invoice["total"] + customer["balance"]
    due = owed if owed >= world.settings["minimum"] else 0
    before = copy.deepcopy(invoice)
    invoice.update(
        number=f"{customer['invoice_prefix']}-{customer['next_invoice_sequence']:04}",
        starting_balance=customer["balance"],
        ending_balance=0 if due else owed,
        amount_due=due,
        amount_remaining=due,
        status="open",
        effective_at=now,
        automatically_finalizes_at=None,
        hosted_invoice_url=f"{world.url}/i/{invoice['id']}",
        invoice_pdf=f"{world.url}/i/{invoice['id']}/pdf",
        status_transitions={**invoice["status_transitions"], "finalized_at": now},
    )
    balance = {
        "balance": invoice["ending_balance"],
        "next_invoice_sequence": customer["next_invoice_sequence"] + 1,
    }
    world.update("customer", customer, {**balance, "currency": invoice["currency"]}, "customer.updated")
    if due:
        _ask_for(world, invoice, due)
    world.store.put("invoice", invoice)
    world.emit("invoice.finalized", invoice)
    world.emit("invoice.updated", invoice, before)
    if not due:
        _paid(world, invoice)


def _ask_for(world: World, invoice: Object, due: int) -> None:
    intent = payments.make(world, due, invoice["currency"], invoice["customer"], description="Subscription")
    world.hide(intent["id"], invoice=invoice["id"])
    world.hide(invoice["id"], intent=intent["id"])
    payment = new(
        "invoice_payment",
        id=new_id("inpay"),
        amount_requested=due,
        created=world.now(invoice),
        currency=invoice["currency"],
        invoice=invoice["id"],
        is_default=True,
        payment={"payment_intent": intent["id"], "type": "payment_intent"},
        status="open",
        status_transitions={"canceled_at": None, "paid_at": None},
    )
    world.store.put("invoice_payment", payment)


def intent_of(world: World, invoice: Object) -> Object | None:
    return world.store.find("payment_intent", world.hidden(invoice["id"]).get("intent"))


def payment_of(world: World, invoice: Object) -> Object | None:
    found = [each for each in world.store.all("invoice_payment") if each["invoice"] == invoice["id"]]
    return found[0] if found else None


def subscription_of(world: World, invoice: Object) -> Object | None:
    details = (invoice["parent"] or {}).get("subscription_details") or {}
    return world.store.find("subscription", details.get("subscription"))


def method_for(world: World, invoice: Object) -> Object | None:
    """The invoice's own payment method, then the subscription's, then the customer's."""
    subscription = subscription_of(world, invoice) or {}
    customer = world.store.get("customer", invoice["customer"])
    default = customer["invoice_settings"]["default_payment_method"]
    for identifier in (
        invoice["default_payment_method"],
        subscription.get("default_payment_method"),
        default,
    ):
        found = world.store.find("payment_method", identifier)
        if found and found["customer"] == customer["id"]:
            return found
    return None


def collect(
    world: World, invoice: Object, method: Object | None = None, *, off_session: bool, by_hand: bool = False
) -> None:
    """Try to have it paid. Its fields say what came of it. A try by hand counts only when it is the first one."""
    intent = intent_of(world, invoice)
    method = method or method_for(world, invoice)
    if invoice["status"] != "open" or intent is None:
        return
    counts = not (by_hand and invoice["attempted"])
    if counts:
        count = invoice["attempt_count"] + 1
        tried = {"attempted": True, "attempt_count": count, "next_payment_attempt": None}
        world.update("invoice", invoice, tried)
    if method:
        payments.attempt(world, intent, method, off_session=off_session)
    follow(world, intent, counts=counts)


def follow(world: World, intent: Object, *, counts: bool = False) -> None:
    """What becomes of an invoice, once somebody tried to pay it. Only a try that counts moves the next one."""
    invoice = world.store.find("invoice", world.hidden(intent["id"]).get("invoice"))
    if invoice is None or invoice["status"] != "open":
        return
    if intent["status"] == "succeeded":
        _paid(world, invoice)
        return
    if intent["status"] == "processing":
        return
    subscription = subscription_of(world, invoice)
    if counts:
        world.update("invoice", invoice, {"next_payment_attempt": _next_try(world, invoice)})
    world.emit("invoice.payment_failed", invoice)
    if intent["status"] == "requires_action":
        world.emit("invoice.payment_action_required", invoice)
    if subscription:
        subscriptions.was_not_paid(world, subscription, invoice)


def _next_try(world: World, invoice: Object) -> int | None:
    """Stripe tries again by itself what a card refused on renewal, and the first charge never."""
    tries = world.settings["retry_days"]
    if invoice["billing_reason"] == "subscription_create" or invoice["attempt_count"] > len(tries):
        return None
    return int(world.now(invoice)) + int(tries[max(0, invoice["attempt_count"] - 1)] * DAY)


def _paid(world: World, invoice: Object) -> None:
    now, due = world.now(invoice), invoice["amount_due"]
    paid = {
        "amount_paid": due,
        "amount_remaining": 0,
        "attempted": True,
        "auto_advance": False,
        "next_payment_attempt": None,
        "status": "paid",
        "status_transitions": {**invoice["status_transitions"], "paid_at": now},
    }
    world.update("invoice", invoice, paid)
    payment = payment_of(world, invoice)
    if payment:
        over = {
            "amount_paid": due,
            "status": "paid",
            "status_transitions": {"canceled_at": None, "paid_at": now},
        }
        world.update("invoice_payment", payment, over)
        world.emit("invoice_payment.paid", payment)
    world.emit("invoice.paid", invoice)
    world.emit("invoice.payment_succeeded", invoice)
    subscription = subscription_of(world, invoice)
    if subscription:
        subscriptions.was_paid(world, subscription, invoice)


def void(world: World, invoice: Object, status: str = "void") -> None:
    name = {"void": "voided", "uncollectible": "marked_uncollectible"}[status]
    transitions = {**invoice["status_transitions"], f"{name}_at": world.now(invoice)}
    over = {
        "status": status,
        "auto_advance": False,
        "next_payment_attempt": None,
        "status_transitions": transitions,
    }
    if status == "void":
        over["amount_remaining"] = invoice["amount_remaining"]
        # What of the customer's balance was used for it is theirs again.
        used = (invoice["ending_balance"] or 0) - invoice["starting_balance"]
        customer = world.store.find("customer", invoice["customer"])
        if customer and used:
            world.update("customer", customer, {"balance": customer["balance"] - used}, "customer.updated")
    world.update("invoice", invoice, over)
    intent = intent_of(world, invoice)
    if intent and status == "void":
        world.update("payment_intent", intent, {"status": "canceled", "canceled_at": world.now(invoice)})
    world.emit(f"invoice.{name}", invoice)


# Calls


@route("GET", "/v1/invoices", "InvoiceListParams", "customer subscription status collection_method")
def list_all(world: World, given: dict[str, Any]) -> list[Object]:
    found = world.store.all("invoice")
    if "subscription" in given:
        found = [
            each for each in found if (subscription_of(world, each) or {}).get("id") == given["subscription"]
        ]
    fields = ("customer", "status", "collection_method")
    return [each for each in found if all(each[name] == given[name] for name in fields if name in given)]


@route(
    "POST", "/v1/invoices", "InvoiceCreateParams", "customer subscription auto_advance metadata description"
)
def create(world: World, given: dict[str, Any]) -> Object:
    customer = world.store.get("customer", given["customer"], "customer")
    subscription = world.store.find("subscription", given.get("subscription"))
    invoice = draft(world, customer, subscription, "manual")
    invoice["auto_advance"] = given.get("auto_advance", False)
    if subscription and not lines.pendings(world, customer["id"], subscription["id"]):
        raise Refused(400, "Nothing to invoice for subscription", code="invoice_no_subscription_line_items")
    merge(invoice, given.get("metadata", {}))
    fill(world, invoice, [], subscription)
    if invoice["auto_advance"]:
        world.update("invoice", invoice, {"automatically_finalizes_at": invoice["created"] + 3600})
    return invoice


PREVIEW = "customer subscription subscription_details discounts automatic_tax"


@route("POST", "/v1/invoices/create_preview", "InvoiceCreatePreviewParams", PREVIEW)
def preview(world: World, given: dict[str, Any]) -> Object:
    """What the next invoice of a subscription would be."""
    subscription = world.store.get("subscription", given.get("subscription", ""), "subscription")
    if subscription["status"] in subscriptions.OVER or subscriptions.ends_by_itself(subscription):
        raise Refused(
            404,
            f"No upcoming invoices for customer: {subscription['customer']}",
            code="invoice_upcoming_none",
        )
    if given.get("subscription_details", {}).keys() - {"items"}:
        raise Refused(501, "This stand-in previews only other items.", "standin_error")
    return subscriptions.upcoming(world, subscription, given.get("subscription_details", {}).get("items", []))


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
    finalize(world, there)
    return there


@route(
    "POST", "/v1/invoices/{invoice}/pay", "InvoicePayParams", "payment_method off_session paid_out_of_band"
)
def pay(world: World, given: dict[str, Any], invoice: str) -> Object:
    there = world.store.get("invoice", invoice)
    if there["status"] == "draft":
        finalize(world, there)
    if there["status"] == "paid":
        raise invalid("Invoice is already paid")
    if there["status"] not in {"open", "uncollectible"}:
        raise invalid(f"Invoices with status {there['status']} cannot be paid.")
    if given.get("paid_out_of_band"):
        _paid(world, there)
        return there
    method = (
        named(world, given["payment_method"]) if given.get("payment_method") else method_for(world, there)
    )
    if method is None:
        raise invalid(
            "There is no `default_payment_method` set on this Customer or Invoice. Please create a default payment method "
            "(or provide one in `payment_method`) and try again.",
            code="missing",
        )
    collect(world, there, method, off_session=given.get("off_session", True) is True, by_hand=True)
    intent = intent_of(world, there)
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
    void(world, there)
    return there


@route("POST", "/v1/invoices/{invoice}/mark_uncollectible", "InvoiceMarkUncollectibleParams")
def uncollectible(world: World, given: dict[str, Any], invoice: str) -> Object:  # noqa: ARG001
    there = world.store.get("invoice", invoice)
    void(world, there, "uncollectible")
    return there


@route("GET", "/v1/invoice_payments", "InvoicePaymentListParams", "invoice status")
def payments_of(world: World, given: dict[str, Any]) -> list[Object]:
    found = world.store.all("invoice_payment")
    return [
        each
        for each in found
        if all(each[name] == given[name] for name in ("invoice", "status") if name in given)
    ]


# Items


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


def included(world: World, invoice: Object) -> dict[str, Any]:
    """What an invoice says of its payments, when it is asked to."""
    payment, intent = payment_of(world, invoice), intent_of(world, invoice)
    secret = {"client_secret": intent["client_secret"], "type": "payment_intent"} if intent else None
    rows = [payment] if payment else []
    return {
        "payments": listed(rows, f"/v1/invoice_payments?invoice={invoice['id']}"),
        "confirmation_secret": secret,
    }
