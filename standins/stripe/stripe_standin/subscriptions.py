"""Subscriptions: their states, and what callers may change in each."""

from __future__ import annotations

import copy
from typing import Any

from stripe_standin import invoices, lines, months, payments
from stripe_standin.errors import Refused, declined, invalid
from stripe_standin.metadata import merge
from stripe_standin.routes import route
from stripe_standin.shapes import examples, listed, new
from stripe_standin.store import Object, new_id
from stripe_standin.world import World

OVER = frozenset({"canceled", "incomplete_expired"})
INCOMPLETE_FOR = 23 * 3600
"""How long the first payment may be made."""

CREATED = (
    "customer items metadata off_session payment_behavior default_payment_method discounts default_tax_rates automatic_tax "
    "trial_period_days trial_end cancel_at_period_end cancel_at trial_settings payment_settings proration_behavior "
    "description collection_method currency"
)


@route("POST", "/v1/subscriptions", "SubscriptionCreateParams", CREATED)
def create(world: World, given: dict[str, Any]) -> Object:
    customer = world.store.get("customer", given.get("customer", ""), "customer")
    if given.get("collection_method", "charge_automatically") != "charge_automatically":
        raise Refused(501, "This stand-in only charges automatically.", "standin_error")
    now = world.now(customer)
    identifier = new_id("sub")
    chosen = [_priced(world, each) for each in given.get("items", [])]
    if not chosen:
        raise invalid("Missing required param: items.", "items", "parameter_missing")
    trial_end = given.get("trial_end")
    if given.get("trial_period_days"):
        trial_end = now + given["trial_period_days"] * months.DAY
    rhythm = chosen[0][0]["recurring"]
    end = trial_end or months.next_end(now, rhythm["interval"], rhythm["interval_count"], now)
    subscription = new(
        "subscription",
        id=identifier,
        automatic_tax=_automatic(given.get("automatic_tax")),
        billing_cycle_anchor=trial_end or now,
        billing_mode={"flexible": None, "type": "classic"},
        cancel_at=given.get("cancel_at"),
        cancel_at_period_end=given.get("cancel_at_period_end", False),
        cancellation_details=dict.fromkeys(examples()["subscription"]["cancellation_details"]),
        collection_method="charge_automatically",
        created=now,
        currency=chosen[0][0]["currency"],
        customer=customer["id"],
        default_payment_method=_own_method(world, customer, given.get("default_payment_method")),
        default_tax_rates=_rates(world, given.get("default_tax_rates")),
        description=given.get("description"),
        invoice_settings={
            "account_tax_ids": None,
            "custom_fields": None,
            "description": None,
            "footer": None,
            "issuer": {"type": "self"},
        },
        metadata=given.get("metadata") or {},
        payment_settings={
            "payment_method_options": None,
            "payment_method_types": None,
            "save_default_payment_method": "off",
            **given.get("payment_settings", {}),
        },
        start_date=now,
        status="trialing" if trial_end else "incomplete",
        test_clock=customer["test_clock"],
        trial_end=trial_end,
        trial_settings=given.get("trial_settings")
        or {"end_behavior": {"missing_payment_method": "create_invoice"}},
        trial_start=now if trial_end else None,
    )
    rows = [_item(world, subscription, price, quantity, (now, end)) for price, quantity in chosen]
    subscription["items"] = listed(rows, f"/v1/subscription_items?subscription={identifier}")
    subscription["discounts"] = lines.discounted(world, subscription, given.get("discounts"), now)
    world.store.put("subscription", subscription)
    _begin(world, subscription, customer, given)
    return subscription


def _begin(world: World, subscription: Object, customer: Object, given: dict[str, Any]) -> None:
    """The first invoice, and the first try to have it paid."""
    now = subscription["created"]
    invoice = invoices.draft(world, customer, subscription, "subscription_create")
    first = subscription["items"]["data"][0]
    rows = (
        []
        if subscription["trial_end"]
        else lines.of_period(world, subscription, now, first["current_period_end"])
    )
    behavior = given.get("payment_behavior", "allow_incomplete")
    if behavior == "error_if_incomplete":
        _would_be_paid(world, subscription, customer, off_session=given.get("off_session") is True)
    try:
        invoices.fill(world, invoice, rows, subscription)
    except Refused:
        world.store.remove("subscription", subscription["id"])
        raise
    subscription["latest_invoice"] = invoice["id"]
    if rows:
        _use_up_discounts(world, subscription)
    world.emit("customer.subscription.created", subscription)
    invoices.finalize(world, invoice)
    if behavior != "default_incomplete":
        invoices.collect(world, invoice, off_session=given.get("off_session") is True)
    world.store.put("subscription", subscription)


def _use_up_discounts(world: World, there: Object) -> None:
    """A coupon that counts once was used for the invoice that was just made."""
    there["discounts"] = [
        each for each in there["discounts"] if world.hidden(each)["coupon"]["duration"] != "once"
    ]


def _would_be_paid(world: World, subscription: Object, customer: Object, *, off_session: bool) -> None:
    from stripe_standin import banks

    default = customer["invoice_settings"]["default_payment_method"]
    method = world.store.find("payment_method", subscription["default_payment_method"] or default)
    asks = method and banks.asks(world, method, off_session=off_session)
    decline = banks.charge_decline(world, method, world.now(customer)) if method else None
    if method and not asks and not decline:
        return
    world.store.remove("subscription", subscription["id"])
    if decline:
        raise declined(decline.decline_code, decline.message, code=decline.code)
    raise declined("", payments.ASKS, code="subscription_payment_intent_requires_action")


def _priced(world: World, given: dict[str, Any], of: Object | None = None) -> tuple[Object, int]:
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


def _item(
    world: World, subscription: Object, price: Object, quantity: int, period: tuple[int, int]
) -> Object:
    return new(
        "subscription_item",
        id=new_id("si", 14),
        billing_thresholds=None,
        created=world.now(subscription),
        current_period_start=period[0],
        current_period_end=period[1],
        plan=_plan(price),
        price=copy.deepcopy(price),
        quantity=quantity,
        subscription=subscription["id"],
    )


def _plan(price: Object) -> Object:
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


def _automatic(given: Any) -> dict[str, Any]:
    enabled = bool((given or {}).get("enabled"))
    return {"disabled_reason": None, "enabled": enabled, "liability": {"type": "self"} if enabled else None}


def _rates(world: World, given: Any) -> list[Object]:
    return [world.store.get("tax_rate", each, "default_tax_rates") for each in given or []]


def _own_method(world: World, customer: Object, identifier: str | None) -> str | None:
    if not identifier:
        return None
    if world.store.get("payment_method", identifier, "default_payment_method")["customer"] != customer["id"]:
        raise invalid(
            f"The customer does not have a payment method with the ID {identifier}.", "default_payment_method"
        )
    return identifier


@route("GET", "/v1/subscriptions", "SubscriptionListParams", "customer status price test_clock")
def list_all(world: World, given: dict[str, Any]) -> list[Object]:
    """Those that are canceled only when they are asked for."""
    status, found = given.get("status"), world.store.all("subscription")
    if status is None:
        found = [each for each in found if each["status"] != "canceled"]
    elif status == "ended":
        found = [each for each in found if each["status"] in OVER]
    elif status != "all":
        found = [each for each in found if each["status"] == status]
    if "price" in given:
        found = [
            each for each in found if any(i["price"]["id"] == given["price"] for i in each["items"]["data"])
        ]
    fields = ("customer", "test_clock")
    return [each for each in found if all(each[name] == given[name] for name in fields if name in given)]


@route("GET", "/v1/subscriptions/{subscription}", "SubscriptionRetrieveParams")
def retrieve(world: World, given: dict[str, Any], subscription: str) -> Object:  # noqa: ARG001
    return world.store.get("subscription", subscription)


WHILE_INCOMPLETE = frozenset({"metadata", "default_payment_method", "expand"})
CHANGED = (
    "items metadata off_session payment_behavior default_payment_method discounts default_tax_rates automatic_tax "
    "cancel_at_period_end cancel_at proration_behavior pause_collection trial_end description payment_settings"
)


@route("POST", "/v1/subscriptions/{subscription}", "SubscriptionUpdateParams", CHANGED)
def update(world: World, given: dict[str, Any], subscription: str) -> Object:
    there = world.store.get("subscription", subscription)
    _check_may_change(there, given)
    before, now = copy.deepcopy(there), world.now(there)
    customer = world.store.get("customer", there["customer"])
    if "default_payment_method" in given:
        there["default_payment_method"] = _own_method(world, customer, given["default_payment_method"])
    merge(there, given.get("metadata", {}))
    if "automatic_tax" in given:
        there["automatic_tax"] = _automatic(given["automatic_tax"])
    if "default_tax_rates" in given:
        there["default_tax_rates"] = _rates(world, given["default_tax_rates"])
    if "discounts" in given:
        there["discounts"] = lines.discounted(world, there, given["discounts"], now)
    for name in ("description", "payment_settings"):
        if name in given:
            there[name] = given[name] if name == "description" else {**there[name], **given[name]}
    if "pause_collection" in given:
        pause = given["pause_collection"]
        there["pause_collection"] = {"resumes_at": None, **pause} if pause else None
    _end_when(there, given, now)
    if given.get("trial_end") == "now" and there["status"] == "trialing":
        there["trial_end"] = now
        there["items"]["data"][0]["current_period_end"] = now
    changed = _change_items(world, there, given, now)
    world.store.put("subscription", there)
    world.emit("customer.subscription.updated", there, before)
    if changed and given.get("proration_behavior") == "always_invoice":
        settle_now(world, there, off_session=given.get("off_session") is True)
    return there


def _check_may_change(there: Object, given: dict[str, Any]) -> None:
    status = there["status"]
    if status == "canceled" and given.keys() - {"metadata", "cancellation_details", "expand"}:
        message = "A canceled subscription can only update its cancellation_details and metadata."
        raise invalid(message)
    if status in {"incomplete", "incomplete_expired"} and given.keys() - WHILE_INCOMPLETE:
        raise invalid(
            f"This subscription is {status}: only its default_payment_method and metadata can be updated until its "
            "first invoice is paid."
        )


def _end_when(there: Object, given: dict[str, Any], now: int) -> None:
    if "cancel_at_period_end" in given and "cancel_at" in given:
        raise invalid("You can only pass one of `cancel_at` and `cancel_at_period_end`.")
    if "cancel_at" in given:
        there["cancel_at"] = given["cancel_at"] or None
        there["cancel_at_period_end"] = False
        there["canceled_at"] = now if there["cancel_at"] else None
    if "cancel_at_period_end" in given:
        ends = given["cancel_at_period_end"]
        there["cancel_at_period_end"] = ends
        there["cancel_at"] = period_end(there) if ends else None
        there["canceled_at"] = now if ends else None
    reason = "cancellation_requested" if there["cancel_at"] else None
    there["cancellation_details"] = {**there["cancellation_details"], "reason": reason}


def _change_items(world: World, there: Object, given: dict[str, Any], now: int) -> bool:
    changed = False
    rows = there["items"]["data"]
    for each in given.get("items", []):
        item = next((row for row in rows if row["id"] == each.get("id")), None)
        if item is None:
            raise invalid(f"There is no item {each.get('id', '')!r} in this subscription.", "items[0][id]")
        price, quantity = _priced(world, each, item)
        if (price["id"], quantity) == (item["price"]["id"], item["quantity"]):
            continue
        if given.get("proration_behavior", "create_prorations") != "none" and there["status"] != "trialing":
            lines.prorate(world, there, item, quantity, price, now)
        item.update(price=copy.deepcopy(price), plan=_plan(price), quantity=quantity)
        changed = True
    return changed


def settle_now(world: World, there: Object, *, off_session: bool) -> None:
    """An invoice at once for what is pending."""
    customer = world.store.get("customer", there["customer"])
    if not lines.pendings(world, customer["id"], there["id"]):
        return
    invoice = invoices.draft(world, customer, there, "subscription_update")
    invoices.fill(world, invoice, [], there)
    world.update("subscription", there, {"latest_invoice": invoice["id"]})
    invoices.finalize(world, invoice)
    invoices.collect(world, invoice, off_session=off_session)


@route(
    "DELETE",
    "/v1/subscriptions/{subscription}",
    "SubscriptionCancelParams",
    "invoice_now prorate cancellation_details",
)
def cancel(world: World, given: dict[str, Any], subscription: str) -> Object:
    there = world.store.get("subscription", subscription)
    if there["status"] in OVER:
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
            invoice = invoices.draft(world, customer, there, "manual")
            invoices.fill(world, invoice, [], there)
            end(world, there, reason="cancellation_requested")
            world.update("subscription", there, {"latest_invoice": invoice["id"]})
            invoices.finalize(world, invoice)
            invoices.collect(world, invoice, off_session=True)
            return there
    if not (given.get("invoice_now") or given.get("prorate")):
        for each in lines.pendings(world, there["customer"], there["id"]):
            if (each["parent"] or {}).get("subscription_details"):
                world.store.remove("invoiceitem", each["id"])
    end(world, there, reason="cancellation_requested")
    return there


def end(world: World, there: Object, reason: str) -> None:
    """It is over. What is open of it is not collected any more by itself."""
    now, first = world.now(there), there["status"] == "incomplete"
    for invoice in world.store.all("invoice"):
        if (invoices.subscription_of(world, invoice) or {}).get("id") != there["id"]:
            continue
        if invoice["status"] in {"draft", "open"}:
            world.update("invoice", invoice, {"auto_advance": False, "next_payment_attempt": None})
        if first and invoice["status"] == "open":
            invoices.void(world, invoice)
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
    renew(world, there, now)
    return there


# What time does


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
    invoice = invoices.draft(world, customer, there, "subscription_cycle")
    period = (first["current_period_start"], first["current_period_end"])
    invoices.fill(world, invoice, lines.of_period(world, there, *period), there)
    invoice["automatically_finalizes_at"] = at + world.settings["finalize_after"]
    paused = there["pause_collection"] or {}
    invoice["auto_advance"] = paused.get("behavior") != "keep_as_draft"
    there["latest_invoice"] = invoice["id"]
    _use_up_discounts(world, there)
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


def finalized(world: World, invoice: Object) -> None:
    """The draft of a renewal has waited long enough."""
    there = invoices.subscription_of(world, invoice)
    paused = ((there or {}).get("pause_collection") or {}).get("behavior")
    invoices.finalize(world, invoice)
    if paused == "void" and invoice["status"] == "open":
        invoices.void(world, invoice)
    elif paused == "mark_uncollectible" and invoice["status"] == "open":
        invoices.void(world, invoice, "uncollectible")
    else:
        invoices.collect(world, invoice, off_session=True)


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


def upcoming(world: World, there: Object, changes: list[dict[str, Any]]) -> Object:
    """The next invoice as it would be now, with the items changed first if asked to."""
    customer = world.store.get("customer", there["customer"])
    as_it_will_be = copy.deepcopy(there)
    now, end_at = world.now(there), period_end(there)
    extra = []
    for each in changes:
        item = next(row for row in as_it_will_be["items"]["data"] if row["id"] == each.get("id"))
        price, quantity = _priced(world, each, item)
        old, fresh = item["price"]["unit_amount"] * item["quantity"], price["unit_amount"] * quantity
        if part := (fresh - old) * lines.part_left(item, now):
            made = lines.pending(world, there, item, lines.rounded(part), "Change", quantity, (now, end_at))
            world.store.remove("invoiceitem", made["id"])
            extra.append(lines.of_item(made))
        item.update(price=price, quantity=quantity)
    invoice = invoices.draft(world, customer, as_it_will_be, "upcoming")
    invoice["id"] = "upcoming_" + invoice["id"]
    first = as_it_will_be["items"]["data"][0]
    rhythm = first["price"]["recurring"]
    until = months.next_end(
        there["billing_cycle_anchor"], rhythm["interval"], rhythm["interval_count"], end_at
    )
    invoice["created"] = invoice["period_end"] = end_at
    rows = [*extra, *lines.of_period(world, as_it_will_be, end_at, until)]
    invoices.fill(world, invoice, rows, as_it_will_be, preview=True)
    owed = invoice["total"] + customer["balance"]
    due = owed if owed >= world.settings["minimum"] else 0
    invoice.update(starting_balance=customer["balance"], amount_due=due, amount_remaining=due)
    invoice.update(
        ending_balance=0 if due else owed, next_payment_attempt=end_at + world.settings["finalize_after"]
    )
    return invoice
