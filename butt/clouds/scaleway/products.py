"""What can be rented in a zone, and its price."""

from collections.abc import Collection
from decimal import Decimal
from typing import Any

from butt.clouds.interface import Rates, ServerOffer
from butt.clouds.scaleway.calls import Blocks, Instances
from butt.clouds.scaleway.pages import PAGE, all_of

HOURS = Decimal(730)
"""Hours in a month, as Scaleway counts them."""

GB = Decimal(10**9)
ROOT_SIZE = 10_000_000_000
"""The smallest root volume of Scaleway's own images, in bytes."""

VOLUME_TYPE, SNAPSHOT = "sbs_5k", "snapshot"

ADDRESS_MONTH = Decimal("2.92")
"""The price of a flexible IPv4 address in the price list, 0.004 euro an hour: no call returns it."""


def offers(instances: Instances, zone: str, allowed: Collection[str], rates: Rates) -> list[ServerOffer]:
    """The allowed types that this zone has, and that work with block storage alone."""
    types = all_of(instances.list_servers_types, "servers", "per_page", zone=zone)
    stock = all_of(instances.get_server_types_availability, "servers", "per_page", zone=zone)
    return [
        ServerOffer(zone, name, types[name].ram, monthly(types[name]), _is_there(stock.get(name)), rates)
        for name in allowed
        if name in types and fits(types[name])
    ]


def fits(type_: Any) -> bool:
    """Whether our image boots on this type, with block storage and no local disk."""
    local = type_.volumes_constraint
    return (
        not type_.end_of_service
        and str(type_.arch) == "x86_64"
        and (type_.capabilities is None or type_.capabilities.block_storage is not False)
        and (local is None or not local.min_size)
    )


def _is_there(stock: Any) -> bool:
    """A type that is `scarce` may still be available; one that the list does not name may not."""
    return stock is not None and str(stock.availability) != "shortage"


def monthly(type_: Any) -> Decimal:
    """Euro per month."""
    return Decimal(str(type_.monthly_price or Decimal(str(type_.hourly_price)) * HOURS))


LIST_PRICES = {
    VOLUME_TYPE: Decimal("0.000118") * HOURS,
    "sbs_15k": Decimal("0.000177") * HOURS,
    SNAPSHOT: Decimal("0.000118") * HOURS,
}
"""Per GB, used if Scaleway does not give them. They are rather too high, so that nothing is rented below its
cost.
"""


def storage_prices(blocks: Blocks, zone: str) -> dict[str, Decimal]:
    """Euro per month and GB, by the type of volume; `SNAPSHOT` is the price for a snapshot."""
    found: dict[str, Decimal] = {}
    for kind in blocks.list_volume_types(zone=zone, page_size=PAGE).volume_types:
        found[kind.type_] = _money(kind.pricing) * HOURS
        if kind.type_ == VOLUME_TYPE or SNAPSHOT not in found:
            found[SNAPSHOT] = _money(kind.snapshot_pricing) * HOURS
    return found


def rates(prices: dict[str, Decimal]) -> Rates:
    gb = prices.get(VOLUME_TYPE, Decimal(0))
    return Rates(gb * ROOT_SIZE / GB, gb, prices.get(SNAPSHOT, Decimal(0)), ADDRESS_MONTH)


def _money(given: Any) -> Decimal:
    return Decimal(given.units) + Decimal(given.nanos) / 10**9 if given else Decimal(0)
