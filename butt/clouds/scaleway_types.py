"""Types of servers: which there are in a zone, and what each costs."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from butt.clouds.interface import CloudTrouble

PAGE, MOST_PAGES = 100, 50
HOURS = Decimal(730)
"""Of a month, as Scaleway counts them."""


def by_type(fetch: Callable[..., Any], zone: str) -> dict[str, Any]:
    """All that `fetch`, a call that lists by type, says of the zone."""
    found: dict[str, Any] = {}
    for page in range(1, MOST_PAGES + 1):
        more = fetch(zone=zone, page=page, per_page=PAGE).servers
        found |= more
        if len(more) < PAGE:
            return found
    raise CloudTrouble(f"Scaleway lists more than {MOST_PAGES * PAGE} types of servers.")


def monthly(type_: Any) -> Decimal:
    """Euro a month."""
    return Decimal(str(type_.monthly_price or Decimal(str(type_.hourly_price)) * HOURS))
