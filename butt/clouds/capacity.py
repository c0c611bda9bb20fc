"""The capacity rule: how big a machine must be for so many bots, and which offer that is. Pure."""

from collections.abc import Collection, Iterable

from butt.clouds.interface import Offer

MIB, GB = 1 << 20, 10**9
SYSTEM_MEMORY = 700 * MIB
"""Debian, Docker and a Salt minion."""

SYSTEM_DISK, LARGEST_DISK = 5 * GB, 10_000 * GB


def memory_for(bots: int, each: int) -> int:
    """Bytes of memory for `bots` bots with a limit of `each` bytes."""
    return SYSTEM_MEMORY + max(bots, 1) * each


def disk_for(bots: int, each: int) -> int:
    """Bytes of disk for `bots` bots with `each` bytes, in whole GB."""
    wanted = SYSTEM_DISK + max(bots, 1) * each
    return min(-(-wanted // GB) * GB, LARGEST_DISK)


def best(offers: Iterable[Offer], memory: int, zones: Collection[str]) -> Offer | None:
    """The cheapest in the first of `zones` that has one big enough."""
    fits = [offer for offer in offers if offer.in_stock and offer.memory >= memory and offer.zone in zones]
    order = {zone: place for place, zone in enumerate(zones)}
    return min(fits, key=lambda offer: (order[offer.zone], offer.monthly, offer.type), default=None)
