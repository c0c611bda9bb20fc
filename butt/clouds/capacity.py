"""The capacity rule: how big a machine must be for a number of bots, what it costs in total, and which offer is cheapest. Pure."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from decimal import Decimal

from butt.clouds.interface import ServerOffer

MIB, GB = 1 << 20, 10**9
SYSTEM_MEMORY = 500 * MIB
"""The kernel, Debian, Docker and a Salt minion: measured at 290 MiB, and the states take another 130 while they run."""

SYSTEM_DISK, LARGEST_DISK = 5 * GB, 10_000 * GB


@dataclass(frozen=True)
class Needs:
    """What a person's machine must have. Memory and disk in bytes; `snapshots` is how many of its volume are kept."""

    memory: int
    disk: int
    snapshots: int = 0
    ipv4: bool = True


@dataclass(frozen=True)
class Cost:
    """What a machine costs in euro per month, item by item."""

    server: Decimal = Decimal(0)
    address4: Decimal = Decimal(0)
    root: Decimal = Decimal(0)
    volume: Decimal = Decimal(0)
    snapshots: Decimal = Decimal(0)

    @property
    def total(self) -> Decimal:
        return self.server + self.address4 + self.root + self.volume + self.snapshots

    def __str__(self) -> str:
        """Like `9.33 € (server 0.44, IPv4 address 2.92, …)`; items that cost nothing are left out."""
        parts = {
            "server": self.server,
            "IPv4 address": self.address4,
            "root volume": self.root,
            "volume": self.volume,
            "snapshots": self.snapshots,
        }
        shown_parts = ", ".join(f"{name} {price:.2f}" for name, price in parts.items() if price)
        return f"{self.total:.2f} €" + (f" ({shown_parts})" if shown_parts else "")


def memory_for(bots: int, each: int) -> int:
    """Bytes of memory for `bots` bots with a limit of `each` bytes."""
    return SYSTEM_MEMORY + max(bots, 1) * each


def disk_for(bots: int, each: int) -> int:
    """Bytes of disk for `bots` bots with `each` bytes, rounded up to whole GB."""
    wanted = SYSTEM_DISK + max(bots, 1) * each
    return min(-(-wanted // GB) * GB, LARGEST_DISK)


def cost(offer: ServerOffer, needs: Needs) -> Cost:
    """Each snapshot is counted at the size of the volume, which is the most that can be billed for it."""
    size, rates = Decimal(needs.disk) / GB, offer.rates
    return Cost(
        offer.monthly,
        rates.address4 if needs.ipv4 else Decimal(0),
        rates.root,
        rates.gb * size,
        rates.snapshot_gb * size * needs.snapshots,
    )


def best(
    offers: Iterable[ServerOffer], needs: Needs, zones: Collection[str], tried: Collection[str] = ()
) -> ServerOffer | None:
    """The offer that is big enough and has the lowest total; of two that cost the same, the one in the zone listed first.

    `tried` are zones, and places (`ServerOffer.place`), that are left out.
    """
    fits = [
        offer
        for offer in offers
        if offer.in_stock
        and offer.memory >= needs.memory
        and offer.zone in zones
        and not {offer.zone, offer.place} & set(tried)
    ]
    order = {zone: place for place, zone in enumerate(zones)}
    return min(
        fits,
        key=lambda offer: (cost(offer, needs).total, order[offer.zone], offer.type),
        default=None,
    )
