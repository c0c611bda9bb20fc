"""What the next invoice of a subscription would be."""

from __future__ import annotations

import copy
from typing import Any

from stripe_standin import invoicing, items, lines, months, renewals
from stripe_standin.errors import Refused
from stripe_standin.routes import route
from stripe_standin.store import Object
from stripe_standin.world import World

PREVIEW = "customer subscription subscription_details discounts automatic_tax"


@route("POST", "/v1/invoices/create_preview", "InvoiceCreatePreviewParams", PREVIEW)
def preview(world: World, given: dict[str, Any]) -> Object:
    """What the next invoice of a subscription would be."""
    subscription = world.store.get("subscription", given.get("subscription", ""), "subscription")
    if subscription["status"] in renewals.OVER or renewals.ends_by_itself(subscription):
        raise Refused(
            404,
            f"No upcoming invoices for customer: {subscription['customer']}",
            code="invoice_upcoming_none",
        )
    if given.get("subscription_details", {}).keys() - {"items"}:
        raise Refused(501, "This stand-in previews only other items.", "standin_error")
    return upcoming(world, subscription, given.get("subscription_details", {}).get("items", []))


def upcoming(world: World, there: Object, changes: list[dict[str, Any]]) -> Object:
    """The next invoice as it would be now; the items are changed first if asked for."""
    customer = world.store.get("customer", there["customer"])
    as_it_will_be = copy.deepcopy(there)
    now, end_at = world.now(there), renewals.period_end(there)
    extra = []
    for each in changes:
        item = next(row for row in as_it_will_be["items"]["data"] if row["id"] == each.get("id"))
        price, quantity = items.priced(world, each, item)
        old, fresh = item["price"]["unit_amount"] * item["quantity"], price["unit_amount"] * quantity
        if part := (fresh - old) * lines.part_left(item, now):
            made = lines.pending(world, there, item, lines.rounded(part), "Change", quantity, (now, end_at))
            world.store.remove("invoiceitem", made["id"])
            extra.append(lines.of_item(made))
        item.update(price=price, quantity=quantity)
    invoice = invoicing.draft(world, customer, as_it_will_be, "upcoming")
    invoice["id"] = "upcoming_" + invoice["id"]
    first = as_it_will_be["items"]["data"][0]
    rhythm = first["price"]["recurring"]
    until = months.next_end(
        there["billing_cycle_anchor"], rhythm["interval"], rhythm["interval_count"], end_at
    )
    invoice["created"] = invoice["period_end"] = end_at
    rows = [*extra, *lines.of_period(world, as_it_will_be, end_at, until)]
    invoicing.fill(world, invoice, rows, as_it_will_be, preview=True)
    owed = invoice["total"] + customer["balance"]
    due = owed if owed >= world.settings["minimum"] else 0
    invoice.update(starting_balance=customer["balance"], amount_due=due, amount_remaining=due)
    invoice.update(
        ending_balance=0 if due else owed, next_payment_attempt=end_at + world.settings["finalize_after"]
    )
    return invoice
