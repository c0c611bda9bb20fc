"""What becomes of an invoice, from draft to paid."""

from __future__ import annotations

import copy
from typing import Any

from stripe_standin import lines, payments, renewals
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
    """The given lines, after the pending ones."""
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
    """Use the customer's balance; the rest is to be paid."""
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
        paid(world, invoice)


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
    """Try to have it paid; its fields show the result. A manual attempt counts only if it is the first."""
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
    """What becomes of an invoice after an attempt to pay it. Only an attempt that counts moves the next
    one.
    """
    invoice = world.store.find("invoice", world.hidden(intent["id"]).get("invoice"))
    if invoice is None or invoice["status"] != "open":
        return
    if intent["status"] == "succeeded":
        paid(world, invoice)
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
        renewals.was_not_paid(world, subscription, invoice)


def _next_try(world: World, invoice: Object) -> int | None:
    """Stripe retries a renewal that a card refused, but never a first charge."""
    tries = world.settings["retry_days"]
    if invoice["billing_reason"] == "subscription_create" or invoice["attempt_count"] > len(tries):
        return None
    return int(world.now(invoice)) + int(tries[max(0, invoice["attempt_count"] - 1)] * DAY)


def paid(world: World, invoice: Object) -> None:
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
        renewals.was_paid(world, subscription, invoice)


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
        # Give back to the customer what was used of their balance.
        used = (invoice["ending_balance"] or 0) - invoice["starting_balance"]
        customer = world.store.find("customer", invoice["customer"])
        if customer and used:
            world.update("customer", customer, {"balance": customer["balance"] - used}, "customer.updated")
    world.update("invoice", invoice, over)
    intent = intent_of(world, invoice)
    if intent and status == "void":
        world.update("payment_intent", intent, {"status": "canceled", "canceled_at": world.now(invoice)})
    world.emit(f"invoice.{name}", invoice)


def included(world: World, invoice: Object) -> dict[str, Any]:
    """An invoice's payments, when they are asked for."""
    payment, intent = payment_of(world, invoice), intent_of(world, invoice)
    secret = {"client_secret": intent["client_secret"], "type": "payment_intent"} if intent else None
    rows = [payment] if payment else []
    return {
        "payments": listed(rows, f"/v1/invoice_payments?invoice={invoice['id']}"),
        "confirmation_secret": secret,
    }
