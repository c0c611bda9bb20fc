"""The calls that end a subscription, take away its discount, or resume one that is paused."""

from __future__ import annotations

from typing import Any

from stripe_standin import invoicing, lines, renewals
from stripe_standin.errors import Refused, invalid
from stripe_standin.routes import route
from stripe_standin.store import Object
from stripe_standin.world import World


@route(
    "DELETE",
    "/v1/subscriptions/{subscription}",
    "SubscriptionCancelParams",
    "invoice_now prorate cancellation_details",
)
def cancel(world: World, given: dict[str, Any], subscription: str) -> Object:
    there = world.store.get("subscription", subscription)
    if there["status"] in renewals.OVER:
        raise Refused(404, f"No such subscription: '{subscription}'", code="resource_missing", param="id")
    now, settled = world.now(there), there["status"] in {"active", "past_due"}
    if settled and given.get("prorate"):
        for item in there["items"]["data"]:
            worth = (item["price"]["unit_amount"] or 0) * item["quantity"]
            left = lines.after_discounts(world, there, worth, now) * lines.part_left(item, now)
            words = f"Unused time on {item['quantity']} x {lines.name_of(world, item['price'])}"
            if amount := lines.rounded(left):
                period = (now, item["current_period_end"])
                lines.pending(world, there, item, -amount, words, item["quantity"], period)
    if settled and given.get("invoice_now"):
        customer = world.store.get("customer", there["customer"])
        if lines.pendings(world, customer["id"], there["id"]):
            invoice = invoicing.draft(world, customer, there, "manual")
            invoicing.fill(world, invoice, [], there)
            renewals.end(world, there, reason="cancellation_requested")
            world.update("subscription", there, {"latest_invoice": invoice["id"]})
            invoicing.finalize(world, invoice)
            invoicing.collect(world, invoice, off_session=True)
            return there
    if not (given.get("invoice_now") or given.get("prorate")):
        for each in lines.pendings(world, there["customer"], there["id"]):
            if (each["parent"] or {}).get("subscription_details"):
                world.store.remove("invoiceitem", each["id"])
    renewals.end(world, there, reason="cancellation_requested")
    return there


@route("DELETE", "/v1/subscriptions/{subscription}/discount", "SubscriptionDeleteDiscountParams")
def delete_discount(world: World, given: dict[str, Any], subscription: str) -> Object:  # noqa: ARG001
    there = world.store.get("subscription", subscription)
    found = [world.store.get("discount", each) for each in there["discounts"]]
    world.update("subscription", there, {"discounts": []}, "customer.subscription.updated")
    return {"id": found[0]["id"] if found else "", "object": "discount", "deleted": True}


@route(
    "POST",
    "/v1/subscriptions/{subscription}/resume",
    "SubscriptionResumeParams",
    "billing_cycle_anchor proration_behavior",
)
def resume(world: World, given: dict[str, Any], subscription: str) -> Object:  # noqa: ARG001
    there = world.store.get("subscription", subscription)
    if there["status"] != "paused":
        raise invalid("You can only resume subscriptions that are paused.")
    now = world.now(there)
    world.update("subscription", there, {"status": "active", "billing_cycle_anchor": now})
    for item in there["items"]["data"]:
        item["current_period_start"] = item["current_period_end"] = now
    world.emit("customer.subscription.resumed", there)
    renewals.renew(world, there, now)
    return there
