"""What becomes of a subscription: its periods, its end, and the effect of a paid or refused invoice."""

from __future__ import annotations

import copy

from stripe_standin import invoicing, lines, months
from stripe_standin.store import Object
from stripe_standin.world import World

OVER = frozenset({"canceled", "incomplete_expired"})


INCOMPLETE_FOR = 23 * 3600
"""How long the first payment may be made."""


def settle_now(world: World, there: Object, *, off_session: bool) -> None:
    """Make an invoice at once for what is pending."""
    customer = world.store.get("customer", there["customer"])
    if not lines.pendings(world, customer["id"], there["id"]):
        return
    invoice = invoicing.draft(world, customer, there, "subscription_update")
    invoicing.fill(world, invoice, [], there)
    world.update("subscription", there, {"latest_invoice": invoice["id"]})
    invoicing.finalize(world, invoice)
    invoicing.collect(world, invoice, off_session=off_session)


def end(world: World, there: Object, reason: str) -> None:
    """End it. Its open invoices are not collected automatically any more."""
    now, first = world.now(there), there["status"] == "incomplete"
    for invoice in world.store.all("invoice"):
        if (invoicing.subscription_of(world, invoice) or {}).get("id") != there["id"]:
            continue
        if invoice["status"] in {"draft", "open"}:
            world.update("invoice", invoice, {"auto_advance": False, "next_payment_attempt": None})
        if first and invoice["status"] == "open":
            invoicing.void(world, invoice)
    details = {**there["cancellation_details"], "reason": there["cancellation_details"]["reason"] or reason}
    world.update(
        "subscription",
        there,
        {
            "status": "incomplete_expired" if first else "canceled",
            "canceled_at": there["canceled_at"] or now,
            "ended_at": now,
            "cancellation_details": details,
        },
    )
    world.emit(
        "customer.subscription.updated" if first else "customer.subscription.deleted",
        there,
        {"status": "incomplete"} if first else None,
    )


def period_end(there: Object) -> int:
    return int(max(item["current_period_end"] for item in there["items"]["data"]))


def ends_by_itself(there: Object) -> bool:
    return there["cancel_at_period_end"] or (there["cancel_at"] or 1 << 40) <= period_end(there)


def renew(world: World, there: Object, at: int) -> None:
    """A period is over: the next one begins with a draft of its invoice, or the subscription ends."""
    customer = world.store.get("customer", there["customer"])
    if ends_by_itself(there) and (there["cancel_at"] or at) <= at:
        settle_now(world, there, off_session=True)
        end(world, there, reason="cancellation_requested")
        return
    was_trial = there["status"] == "trialing"
    if was_trial and not _trial_goes_on(world, there, customer):
        return
    before = copy.deepcopy(there)
    for item in there["items"]["data"]:
        rhythm = item["price"]["recurring"]
        start = item["current_period_end"]
        until = months.next_end(
            there["billing_cycle_anchor"], rhythm["interval"], rhythm["interval_count"], start
        )
        item.update(current_period_start=start, current_period_end=until)
    first = there["items"]["data"][0]
    if was_trial:
        there["status"] = "active"
    invoice = invoicing.draft(world, customer, there, "subscription_cycle")
    period = (first["current_period_start"], first["current_period_end"])
    invoicing.fill(world, invoice, lines.of_period(world, there, *period), there)
    invoice["automatically_finalizes_at"] = at + world.settings["finalize_after"]
    paused = there["pause_collection"] or {}
    invoice["auto_advance"] = paused.get("behavior") != "keep_as_draft"
    there["latest_invoice"] = invoice["id"]
    use_up_discounts(world, there)
    world.store.put("subscription", there)
    world.emit("customer.subscription.updated", there, before)
    if there["status"] == "unpaid":
        invoice["auto_advance"] = False


def _trial_goes_on(world: World, there: Object, customer: Object) -> bool:
    default = there["default_payment_method"] or customer["invoice_settings"]["default_payment_method"]
    behavior = there["trial_settings"]["end_behavior"]["missing_payment_method"]
    if default or behavior == "create_invoice":
        return True
    if behavior == "cancel":
        end(world, there, reason="cancellation_requested")
    else:
        world.update("subscription", there, {"status": "paused"})
        world.emit("customer.subscription.paused", there)
    return False


def use_up_discounts(world: World, there: Object) -> None:
    """A coupon that applies once was used for the invoice that was just made."""
    there["discounts"] = [
        each for each in there["discounts"] if world.hidden(each)["coupon"]["duration"] != "once"
    ]


def finalized(world: World, invoice: Object) -> None:
    """Finalise a renewal's draft that has waited long enough."""
    there = invoicing.subscription_of(world, invoice)
    paused = ((there or {}).get("pause_collection") or {}).get("behavior")
    invoicing.finalize(world, invoice)
    if paused == "void" and invoice["status"] == "open":
        invoicing.void(world, invoice)
    elif paused == "mark_uncollectible" and invoice["status"] == "open":
        invoicing.void(world, invoice, "uncollectible")
    else:
        invoicing.collect(world, invoice, off_session=True)


def expire(world: World, there: Object) -> None:
    end(world, there, reason="payment_failed")


def was_paid(world: World, there: Object, invoice: Object) -> None:
    if there["latest_invoice"] in {invoice["id"], None} and there["status"] in {
        "incomplete",
        "past_due",
        "unpaid",
    }:
        world.update("subscription", there, {"status": "active"}, "customer.subscription.updated")


def was_not_paid(world: World, there: Object, invoice: Object) -> None:
    if there["status"] in OVER or there["status"] == "incomplete" or there["latest_invoice"] != invoice["id"]:
        return
    if there["status"] == "active":
        world.update("subscription", there, {"status": "past_due"}, "customer.subscription.updated")
    if invoice["next_payment_attempt"] is None and there["status"] == "past_due":
        after = world.settings["after_retries"]
        if after == "cancel":
            end(world, there, reason="payment_failed")
        elif after == "unpaid":
            world.update("subscription", there, {"status": "unpaid"}, "customer.subscription.updated")
