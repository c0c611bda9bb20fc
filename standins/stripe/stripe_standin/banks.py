"""What the bank behind a payment method answers."""

from __future__ import annotations

from datetime import UTC, datetime

from stripe_standin.cards import CARDS, EXPIRED, IBANS, Card, Decline
from stripe_standin.store import Object
from stripe_standin.world import World


def is_current(now: int, year: int, month: int) -> bool:
    today = datetime.fromtimestamp(now, UTC)
    return (year, month) >= (today.year, today.month)


def _card(world: World, method: Object) -> Card:
    """`becomes` is the number of another test card: from now on, this one's bank answers like that card's."""
    hidden = world.hidden(method["id"])
    return CARDS[hidden.get("becomes") or hidden["number"]]


def setup_decline(world: World, method: Object) -> Decline | None:
    return _card(world, method).setup if method["type"] == "card" else None


def charge_decline(world: World, method: Object, now: int) -> Decline | None:
    if method["type"] == "sepa_debit":
        return IBANS[world.hidden(method["id"])["number"]].fails
    card = method["card"]
    if not is_current(now, card["exp_year"], card["exp_month"]):
        return EXPIRED
    return _card(world, method).charge


def asks(world: World, method: Object, *, off_session: bool) -> bool:
    """Whether the owner has to authenticate for this charge."""
    if method["type"] != "card":
        return False
    return {
        "never": False,
        "always": True,
        "unless_set_up": not (off_session and world.hidden(method["id"]).get("set_up")),
        "on_session": not off_session,
    }[_card(world, method).asks]


def asks_at_setup(world: World, method: Object) -> bool:
    return method["type"] == "card" and _card(world, method).asks in {"always", "unless_set_up"}


def dispute(world: World, method: Object) -> str:
    return _card(world, method).dispute if method["type"] == "card" else ""
