"""What is on an invoice: lines, discounts, taxes and their sums."""

from __future__ import annotations

from typing import Any

from stripe_standin import catalogue, months
from stripe_standin.shapes import listed, new
from stripe_standin.store import Object, new_id
from stripe_standin.world import World


def rounded(amount: float) -> int:
    """Half a cent is rounded away from zero, as people do it."""
    return int(abs(amount) + 0.5) * (1 if amount >= 0 else -1)


def name_of(world: World, price: Object) -> str:
    found = world.store.find("product", price["product"])
    return str(found["name"]) if found else price["id"]


def of_period(world: World, subscription: Object, start: int, end: int) -> list[Object]:
    """A line for each item: its price for this period."""
    return [
        _line(
            amount=(item["price"]["unit_amount"] or 0) * item["quantity"],
            price=item["price"],
            description=f"{item['quantity']} x {name_of(world, item['price'])} (at {item['price']['unit_amount'] / 100:.2f} / month)",
            quantity=item["quantity"],
            period={"start": start, "end": end},
            metadata=subscription["metadata"],
            details=(
                "subscription_item_details",
                _source(None, subscription["id"], item["id"], proration=False),
            ),
            subscription=subscription["id"],
        )
        for item in subscription["items"]["data"]
    ]


def of_item(item: Object) -> Object:
    """A line for a pending invoice item."""
    of = (item["parent"] or {}).get("subscription_details") or {}
    subscription = of.get("subscription")
    if subscription:
        source = _source(item["id"], subscription, of.get("subscription_item"), proration=item["proration"])
        details = ("subscription_item_details", source)
    else:
        plain = {
            "invoice_item": item["id"],
            "proration": False,
            "proration_details": None,
            "subscription": None,
        }
        details = ("invoice_item_details", plain)
    return _line(
        amount=item["amount"],
        price=None,
        description=item["description"],
        quantity=item["quantity"],
        period=item["period"],
        metadata=item["metadata"],
        details=details,
        subscription=subscription,
        discountable=item["discountable"],
    )


def _source(
    item: str | None, subscription: str, subscription_item: str | None, *, proration: bool
) -> dict[str, Any]:
    return {
        "invoice_item": item,
        "proration": proration,
        "proration_details": {"credited_items": None},
        "subscription": subscription,
        "subscription_item": subscription_item,
    }


def _line(
    *,
    amount: int,
    price: Object | None,
    description: str | None,
    quantity: int,
    period: dict[str, int],
    metadata: dict[str, str],
    details: tuple[str, dict[str, Any]],
    subscription: str | None,
    discountable: bool = True,
) -> Object:
    parent: dict[str, Any] = {
        "invoice_item_details": None,
        "subscription_item_details": None,
        "type": details[0],
    }
    parent[details[0]] = details[1]
    pricing = {
        "price_details": {"price": price["id"], "product": price["product"]} if price else None,
        "type": "price_details",
        "unit_amount_decimal": price["unit_amount_decimal"] if price else None,
    }
    return new(
        "line_item",
        id=new_id("il"),
        amount=amount,
        currency=price["currency"] if price else None,
        description=description,
        discountable=discountable,
        metadata=dict(metadata),
        parent=parent,
        period=period,
        pricing=pricing,
        quantity=quantity,
        subscription=subscription,
        subtotal=amount,
    )


# Proration


def prorate(
    world: World, subscription: Object, item: Object, quantity: int, price: Object, at: int
) -> list[Object]:
    """Pending items that settle a change: the rest of the old price is given back, and that of the new one is
    charged.
    """
    old, new_one = (
        (item["price"]["unit_amount"] or 0) * item["quantity"],
        (price["unit_amount"] or 0) * quantity,
    )
    made = []
    for amount, words, of, count in (
        (-old, "Unused time on", item["price"], item["quantity"]),
        (new_one, "Remaining time on", price, quantity),
    ):
        if amount and (part := part_left(item, at)):
            worth = rounded(after_discounts(world, subscription, amount, at) * part)
            said = f"{words} {count} x {name_of(world, of)}"
            made.append(
                pending(world, subscription, item, worth, said, count, (at, item["current_period_end"]))
            )
    return made


def part_left(item: Object, at: int) -> float:
    start, end = item["current_period_start"], item["current_period_end"]
    return max(0.0, min(1.0, (end - at) / (end - start)))


def pending(
    world: World,
    subscription: Object,
    item: Object,
    amount: int,
    description: str,
    quantity: int,
    period: tuple[int, int],
) -> Object:
    of = {"subscription": subscription["id"], "subscription_item": item["id"]}
    made = new(
        "invoiceitem",
        id=new_id("ii"),
        amount=amount,
        currency=subscription["currency"],
        customer=subscription["customer"],
        date=world.now(subscription),
        description=description,
        discountable=False,
        net_amount=amount,
        parent={"subscription_details": of, "type": "subscription_details"},
        period={"start": period[0], "end": period[1]},
        pricing={"type": "price_details", "unit_amount_decimal": None},
        proration=True,
        quantity=quantity,
        quantity_decimal=str(quantity),
    )
    world.store.put("invoiceitem", made)
    world.emit("invoiceitem.created", made)
    return made


def pendings(world: World, customer: str, subscription: str | None) -> list[Object]:
    """Items that wait for this subscription's next invoice. Those of an ended subscription wait for ever."""
    return [
        each
        for each in world.store.all("invoiceitem")
        if each["customer"] == customer and each["invoice"] is None and _of(each) in {None, subscription}
    ]


def _of(item: Object) -> str | None:
    details = (item["parent"] or {}).get("subscription_details") or {}
    found: str | None = details.get("subscription")
    return found


# Sums


def coupons(world: World, subscription: Object, at: int) -> list[tuple[Object, Object]]:
    """The subscription's discounts that apply now, with their coupons; else the customer's."""
    found = []
    for identifier in subscription["discounts"]:
        discount = world.store.find("discount", identifier)
        if discount and (discount["end"] is None or at < discount["end"]):
            found.append((discount, world.hidden(identifier)["coupon"]))
    return found


def after_discounts(world: World, subscription: Object, amount: float, at: int) -> float:
    for _, coupon in coupons(world, subscription, at):
        if coupon["percent_off"]:
            amount *= 1 - coupon["percent_off"] / 100
    return amount


def total(world: World, invoice: Object, rows: list[Object], subscription: Object | None, at: int) -> None:
    """Write lines, discounts, taxes and sums into the invoice. Raises `Refused` if tax cannot be
    calculated.
    """
    subtotal = sum(line["amount"] for line in rows)
    for line in rows:
        line["invoice"], line["currency"] = invoice["id"], invoice["currency"]
        line["discount_amounts"], line["taxes"] = [], []
    off = _discount(world, invoice, rows, subscription, at) if subscription else 0
    taxes = _taxes(world, invoice, rows, subscription)
    tax = sum(each["amount"] for each in taxes if each["tax_behavior"] == "exclusive")
    inside = sum(each["amount"] for each in taxes if each["tax_behavior"] == "inclusive")
    whole = subtotal - off + tax
    invoice["lines"] = listed(rows, f"/v1/invoices/{invoice['id']}/lines")
    invoice["total_taxes"] = taxes
    invoice.update(
        subtotal=subtotal,
        subtotal_excluding_tax=subtotal - inside,
        total=whole,
        total_excluding_tax=whole - tax - inside,
        amount_due=max(0, whole),
        amount_remaining=max(0, whole),
    )


def _discount(world: World, invoice: Object, rows: list[Object], subscription: Object, at: int) -> int:
    off = 0
    invoice["total_discount_amounts"], invoice["discounts"] = [], []
    for discount, coupon in coupons(world, subscription, at):
        this = 0
        for line in rows:
            if not line["discountable"] or line["amount"] <= 0:
                continue
            left = line["amount"] - sum(each["amount"] for each in line["discount_amounts"])
            amount = (
                rounded(left * coupon["percent_off"] / 100)
                if coupon["percent_off"]
                else min(left, coupon["amount_off"] - this)
            )
            line["discount_amounts"].append({"amount": amount, "discount": discount["id"]})
            this += amount
        invoice["total_discount_amounts"].append({"amount": this, "discount": discount["id"]})
        invoice["discounts"].append(discount["id"])
        off += this
    return off


def _taxes(
    world: World, invoice: Object, rows: list[Object], subscription: Object | None
) -> list[dict[str, Any]]:
    rates = [
        world.store.get("tax_rate", each["id"]) for each in (subscription or invoice)["default_tax_rates"]
    ]
    if invoice["automatic_tax"]["enabled"]:
        rate = catalogue.rate_for(world, world.store.get("customer", invoice["customer"]))
        invoice["automatic_tax"]["status"] = "complete"
        rates = [rate] if rate else []
    sums: dict[str, dict[str, Any]] = {}
    for line in rows:
        taxable = line["amount"] - sum(each["amount"] for each in line["discount_amounts"])
        for rate in rates:
            share = rate["percentage"] / (100 + (rate["percentage"] if rate["inclusive"] else 0))
            tax = {
                "amount": rounded(taxable * share),
                "tax_behavior": "inclusive" if rate["inclusive"] else "exclusive",
                "tax_rate_details": {"tax_rate": rate["id"]},
                "taxability_reason": "standard_rated",
                "taxable_amount": taxable,
                "type": "tax_rate_details",
            }
            line["taxes"].append(tax)
            whole = sums.setdefault(rate["id"], {**tax, "amount": 0, "taxable_amount": 0})
            whole["amount"] += tax["amount"]
            whole["taxable_amount"] += taxable
    return list(sums.values())


def discounted(world: World, subscription: Object, wanted: Any, at: int) -> list[str]:
    """The ids of discounts made from `[{"coupon": …}]`."""
    found = []
    for each in wanted or []:
        if "discount" in each:
            found.append(each["discount"])
            continue
        coupon = world.store.get("coupon", each["coupon"], "discounts[coupon]")
        length = coupon["duration_in_months"] if coupon["duration"] == "repeating" else None
        discount = new(
            "discount",
            id=new_id("di"),
            customer=subscription["customer"],
            end=months.after(at, "month", 1, length) if length else None,
            source={"coupon": coupon["id"], "type": "coupon"},
            start=at,
            subscription=subscription["id"],
        )
        world.store.put("discount", discount)
        world.hide(discount["id"], coupon=coupon)
        world.update("coupon", coupon, {"times_redeemed": coupon["times_redeemed"] + 1})
        world.emit("customer.discount.created", discount)
        found.append(discount["id"])
    return found
