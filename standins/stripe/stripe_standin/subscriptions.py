"""The calls that make and change subscriptions, and what may be changed in each state."""

from __future__ import annotations

import copy
from typing import Any

from stripe_standin import invoicing, items, lines, months, payments, renewals
from stripe_standin.errors import Refused, declined, invalid
from stripe_standin.metadata import merge
from stripe_standin.routes import route
from stripe_standin.shapes import examples, listed, new
from stripe_standin.store import Object, new_id
from stripe_standin.world import World

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
    chosen = [items.priced(world, each) for each in given.get("items", [])]
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
    rows = [items.item(world, subscription, price, quantity, (now, end)) for price, quantity in chosen]
    subscription["items"] = listed(rows, f"/v1/subscription_items?subscription={identifier}")
    subscription["discounts"] = lines.discounted(world, subscription, given.get("discounts"), now)
    world.store.put("subscription", subscription)
    _begin(world, subscription, customer, given)
    return subscription


def _begin(world: World, subscription: Object, customer: Object, given: dict[str, Any]) -> None:
    """The first invoice, and the first attempt to have it paid."""
    now = subscription["created"]
    invoice = invoicing.draft(world, customer, subscription, "subscription_create")
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
        invoicing.fill(world, invoice, rows, subscription)
    except Refused:
        world.store.remove("subscription", subscription["id"])
        raise
    subscription["latest_invoice"] = invoice["id"]
    if rows:
        renewals.use_up_discounts(world, subscription)
    world.emit("customer.subscription.created", subscription)
    invoicing.finalize(world, invoice)
    if behavior != "default_incomplete":
        invoicing.collect(world, invoice, off_session=given.get("off_session") is True)
    world.store.put("subscription", subscription)


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
    """Canceled ones are listed only if asked for."""
    status, found = given.get("status"), world.store.all("subscription")
    if status is None:
        found = [each for each in found if each["status"] != "canceled"]
    elif status == "ended":
        found = [each for each in found if each["status"] in renewals.OVER]
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
        renewals.settle_now(world, there, off_session=given.get("off_session") is True)
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
        there["cancel_at"] = renewals.period_end(there) if ends else None
        there["canceled_at"] = now if ends else None
    reason = "cancellation_requested" if there["cancel_at"] else None
    there["cancellation_details"] = {**there["cancellation_details"], "reason": reason}


def _change_items(world: World, there: Object, given: dict[str, Any], now: int) -> bool:
    changed = False
    rows = there["items"]["data"]
    for each in given.get("items", []):
        if "id" not in each and "price" in each:
            _add_item(world, there, each, now, prorates=_prorates(there, given))
            changed = True
            continue
        item = next((row for row in rows if row["id"] == each.get("id")), None)
        if item is None:
            raise invalid(f"There is no item {each.get('id', '')!r} in this subscription.", "items[0][id]")
        price, quantity = items.priced(world, each, item)
        if each.get("deleted"):
            quantity = 0
            rows.remove(item)
        if (price["id"], quantity) == (item["price"]["id"], item["quantity"]):
            continue
        if _prorates(there, given):
            lines.prorate(world, there, item, quantity, price, now)
        item.update(price=copy.deepcopy(price), plan=items.plan_of(price), quantity=quantity)
        changed = True
    if not rows:
        raise invalid("A subscription must have at least one active plan.", "items")
    return changed


def _prorates(there: Object, given: dict[str, Any]) -> bool:
    return given.get("proration_behavior", "create_prorations") != "none" and there["status"] != "trialing"


def _add_item(world: World, there: Object, each: dict[str, Any], now: int, *, prorates: bool) -> None:
    rows = there["items"]["data"]
    price, quantity = items.priced(world, each)
    if any(row["price"]["id"] == price["id"] for row in rows):
        raise invalid("There is already an item with this price in the subscription.", "items[0][price]")
    like = rows[0]
    made = items.item(world, there, price, 0, (like["current_period_start"], like["current_period_end"]))
    if prorates:
        lines.prorate(world, there, made, quantity, price, now)
    made["quantity"] = quantity
    rows.append(made)
