"""What was seen at Stripe, as far as it matters here."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Literal

from butt.billing.calls import answers
from butt.billing.interface import Invoice

MOST = 100
"""As many as Stripe lists per page."""

PRODUCT, ROOM_PRODUCT = "butt-bot", "butt-room"
"""What is sold. Rooms are a product of their own if they cost a different amount."""
OVER = frozenset({"canceled", "incomplete_expired"})
OWES = frozenset({"incomplete", "past_due", "unpaid"})


@dataclass(frozen=True)
class Card:
    """`expires` is the first day on which the card is no longer valid; None for a means of payment that does not expire."""

    id: str
    brand: str
    last4: str
    expires: date | None = None


@dataclass(frozen=True)
class Subscription:
    """`ends` is true if it will not renew. `quantity` counts all bots, of which `rooms` are charged as rooms. `unit` and
    `room_unit` are the price of one per period, in the currency's smallest unit. An item is empty if there is none.
    """

    id: str
    status: str
    quantity: int
    period_end: datetime
    ends: bool
    item: str
    unit: int
    rooms: int
    room_item: str
    room_unit: int
    currency: str
    invoice: str
    paused: bool
    reason: str


@dataclass(frozen=True)
class Customer:
    email: str
    card: Card | None
    subscriptions: list[Subscription]
    """Our subscriptions that have not ended, the earliest first."""


@dataclass(frozen=True)
class Debt:
    """What is unpaid on a subscription. The owner's browser confirms it with `secret` if the bank asks for that."""

    amount: int
    secret: str
    trouble: str


def plain(found: Any) -> dict[str, Any]:
    """The plain fields of an SDK object."""
    made: dict[str, Any] = found.to_dict()
    return made


def card_of(found: Any) -> Card:
    """Also for something other than a card, such as a bank account: its kind is used as its name."""
    method = plain(found) if hasattr(found, "to_dict") else found
    card = method.get("card") or {}
    account = method.get("sepa_debit") or {}
    expires = None
    if card.get("exp_year"):
        year, month = divmod(card["exp_year"] * 12 + card["exp_month"], 12)
        expires = date(year, month + 1, 1)
    last4 = card.get("last4") or account.get("last4") or ""
    return Card(method["id"], card.get("brand", method["type"]), last4, expires)


def subscription_of(found: dict[str, Any]) -> Subscription:
    """A subscription may have items that are not ours, added in Stripe's dashboard: ours have our products."""
    items = found["items"]["data"]
    of = {each["price"]["product"]: each for each in items}
    room = of.get(ROOM_PRODUCT)
    item = of.get(PRODUCT) or (None if room else items[0])
    bots, rooms = (each["quantity"] or 0 if each else 0 for each in (item, room))
    invoice = found["latest_invoice"]
    return Subscription(
        id=found["id"],
        status=found["status"],
        quantity=bots + rooms,
        period_end=time_of((item or room or items[0])["current_period_end"]),
        ends=bool(found["cancel_at_period_end"] or found["cancel_at"]),
        item=item["id"] if item else "",
        unit=item["price"]["unit_amount"] or 0 if item else 0,
        rooms=rooms,
        room_item=room["id"] if room else "",
        room_unit=room["price"]["unit_amount"] or 0 if room else 0,
        currency=found["currency"],
        invoice=(invoice["id"] if isinstance(invoice, dict) else invoice) or "",
        paused=bool(found["pause_collection"]),
        reason=(found.get("cancellation_details") or {}).get("reason") or "",
    )


def invoice_of(found: dict[str, Any]) -> Invoice:
    rows = tuple(
        (str(line["description"]), line["quantity"] or 1, line["amount"]) for line in found["lines"]["data"]
    )
    open_, paid = found["status"] == "open", found["status"] == "paid"
    url = (found.get("hosted_invoice_url") if open_ else found.get("invoice_pdf") if paid else "") or ""
    return Invoice(
        id=found["id"],
        number=found.get("number") or found["id"],
        at=time_of(found["created"]),
        amount=found["total"],
        status=found["status"],
        url=url,
        lines=rows,
        tax=sum(each["amount"] for each in found.get("total_taxes") or []),
        currency=found["currency"],
    )


def invoices_of(client: Any, subscription: str, status: Literal["draft", "open"]) -> list[str]:
    """The ids of a subscription's invoices, the earliest first. Raises `NoAnswer`."""
    with answers():
        found = client.invoices.list({"subscription": subscription, "status": status, "limit": MOST})
    return [each.id for each in reversed(found.data)]


def time_of(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def key_of(*parts: object) -> str:
    """An idempotency key: short, of plain letters, and different for different parts."""
    return "butt-" + hashlib.sha256("\n".join(map(str, parts)).encode()).hexdigest()[:40]
