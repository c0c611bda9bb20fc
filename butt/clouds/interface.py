"""What the keeper asks of a cloud: what we have there, what can be rented, and one step at a time.

All terms here are ours: a cloud translates its own states, prices and errors into them.
"""

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import Enum, StrEnum
from typing import Protocol

from butt.trouble import Trouble


class CloudTrouble(Trouble):
    """The cloud did not do what it was asked, and nothing has changed.

    The text says what happened, in words for people; `mend` says what an operator can do about it.
    """

    def __init__(self, words: str, mend: str) -> None:
        super().__init__(words)
        self.mend = mend


class OutOfStock(CloudTrouble):
    """No server of that type is available in that zone now."""


class OverQuota(CloudTrouble):
    """The account may not have more of these."""


class Denied(CloudTrouble):
    """The keys are wrong, or lack a permission."""


class Unsure(CloudTrouble):
    """No answer, or an unclear one: what was asked for may have been done anyway, or may still be done."""


class ResourceKind(StrEnum):
    SERVER = "server"
    VOLUME = "volume"
    ROOT = "root volume"
    ADDRESS4 = "IPv4 address"
    ADDRESS6 = "IPv6 address"
    GROUP = "security group"
    SNAPSHOT = "snapshot"
    RECORD = "DNS record"


class Condition(StrEnum):
    """How a resource is: what can be done with it next. The cloud's own word for it is in `Thing.said`."""

    READY = "ready"
    """It can be used, and removed. A server is never in this condition, but in one of the next three."""

    RUNNING = "running"
    STOPPED = "stopped"
    """Off: it can be started, change its type, or be removed."""

    HALTED = "halted"
    """Off, but it keeps its place and so its type."""

    BUSY = "busy"
    """Changing to another condition. The keeper waits for that."""

    BROKEN = "broken"
    """It will not become usable by itself."""


LEAVING_ORDER = (
    ResourceKind.RECORD,
    ResourceKind.SERVER,
    ResourceKind.ROOT,
    ResourceKind.VOLUME,
    ResourceKind.ADDRESS4,
    ResourceKind.ADDRESS6,
    ResourceKind.GROUP,
    ResourceKind.SNAPSHOT,
)
"""The order in which resources are removed: nobody must dial what is gone, and nothing goes while another still holds it."""


@dataclass(frozen=True)
class Thing:
    """One resource of the account that carries our mark. Sizes in bytes, prices in euro per month.

    `on` is the server that a volume or an address is attached to, and the volume that a snapshot was made of. `used` says that
    a volume was attached at least once, so it may hold data. `marked` is false for a resource that is ours only by where it is.
    `address` is empty until it is known: some clouds assign an IPv6 address only once it is on a server.
    """

    kind: ResourceKind
    id: str
    zone: str
    agent_id: uuid.UUID | None
    condition: Condition = Condition.READY
    created: datetime | None = None
    type: str = ""
    size: int = 0
    address: str = ""
    name: str = ""
    on: str = ""
    used: bool = False
    marked: bool = True
    monthly: Decimal = Decimal(0)
    said: str = ""


@dataclass(frozen=True)
class Inventory:
    """Everything that carries our mark, as of one moment after the call for it began."""

    things: tuple[Thing, ...] = ()

    def of(self, agent_id: uuid.UUID) -> "Holding":
        unmarked = (
            t for t in self.things if t.agent_id is None and (t.kind is ResourceKind.RECORD or not t.marked)
        )
        return Holding(tuple(thing for thing in self.things if thing.agent_id == agent_id), tuple(unmarked))


@dataclass(frozen=True)
class Holding:
    """What one person has. `unmarked` are DNS records and volumes that do not say whose they are: theirs, or a stranger's."""

    things: tuple[Thing, ...] = ()
    unmarked: tuple[Thing, ...] = ()

    def all(self, *kinds: ResourceKind) -> list[Thing]:
        """The oldest first, so that everybody who looks keeps the same one of two."""
        found = [thing for thing in self.things if thing.kind in kinds]
        return sorted(found, key=lambda thing: (thing.created is None, thing.created, thing.id))

    def __iter__(self) -> Iterator[Thing]:
        return iter(self.things)

    @property
    def monthly(self) -> Decimal:
        return sum((thing.monthly for thing in self.things), Decimal(0))


@dataclass(frozen=True)
class Rates:
    """What a machine in a zone costs besides its server, in euro per month.

    `root` is the price of the volume with its system, `gb` of a GB (10^9 bytes) of the volume that holds the bots' data,
    `snapshot_gb` of a GB of a snapshot.
    """

    root: Decimal = Decimal(0)
    gb: Decimal = Decimal(0)
    snapshot_gb: Decimal = Decimal(0)
    address4: Decimal = Decimal(0)


@dataclass(frozen=True)
class ServerOffer:
    """A type of server that can be rented. Memory in bytes, the server's price in euro per month."""

    zone: str
    type: str
    memory: int
    monthly: Decimal
    in_stock: bool = True
    rates: Rates = Rates()

    @property
    def place(self) -> str:
        """The zone and the type, as one word."""
        return f"{self.zone}/{self.type}"


class CloudEffect(Enum):
    """What the cloud is told to do after the move is saved. Each can be repeated, except those that make something."""

    NOTHING = "nothing"
    MAKE_GROUP = "make a security group"
    OPEN_PORTS = "open its ports"
    MAKE_ADDRESS4 = "take an IPv4 address"
    MAKE_ADDRESS6 = "take an IPv6 address"
    MAKE_VOLUME = "make a volume"
    MAKE_SERVER = "make a server"
    MARK_ROOT = "mark its root volume"
    ATTACH_VOLUME = "attach the volume"
    ATTACH_ADDRESS = "attach an address"
    BOOT = "boot"
    STOP = "stop"
    CHANGE_TYPE = "change the server's type"
    GROW_VOLUME = "grow the volume"
    SET_RECORDS = "set DNS records"
    TAKE_SNAPSHOT = "take a snapshot"
    REMOVE = "remove"
    FORGET = "forget"

    @property
    def makes(self) -> ResourceKind | None:
        """The kind of resource there would be two of if this were done twice."""
        return _MADE.get(self)


_MADE = {
    CloudEffect.MAKE_GROUP: ResourceKind.GROUP,
    CloudEffect.MAKE_ADDRESS4: ResourceKind.ADDRESS4,
    CloudEffect.MAKE_ADDRESS6: ResourceKind.ADDRESS6,
    CloudEffect.MAKE_VOLUME: ResourceKind.VOLUME,
    CloudEffect.MAKE_SERVER: ResourceKind.SERVER,
    CloudEffect.TAKE_SNAPSHOT: ResourceKind.SNAPSHOT,
}


@dataclass(frozen=True)
class Job:
    """One effect with everything it needs. Sizes in bytes; `cloud_init` is the document that the server boots with."""

    effect: CloudEffect
    agent_id: uuid.UUID
    zone: str = ""
    type: str = ""
    size: int = 0
    target: Thing | None = None
    server: str = ""
    volume: str = ""
    group: str = ""
    addresses: tuple[str, ...] = ()
    snapshot: str = ""
    records: tuple[tuple[str, str, str], ...] = ()
    """Name, type and data of each record."""
    cloud_init: bytes = b""

    @property
    def aim(self) -> Thing:
        """The `target`, for an effect that has one."""
        if self.target is None:
            raise AssertionError(f"{self.effect} needs something to do it to")
        return self.target


KEY_ENDS_SOON = timedelta(days=14)
"""How long before a key ends operators are told."""


@dataclass(frozen=True)
class Access:
    """When a cloud's keys end, never if `ends_at` is None; `renew` says how to get new ones."""

    ends_at: datetime | None = None
    renew: str = ""


@dataclass(frozen=True)
class Right:
    """One thing that the cloud's keys must be able to do; `mend` says what to do, and is empty if all is well."""

    what: str
    mend: str = ""


class Cloud(Protocol):
    """A place that rents machines. Each method may raise `CloudTrouble`, and is bounded in time."""

    makes_machines: bool
    """Whether this cloud makes machines at all."""

    zones: tuple[str, ...]
    """Where machines may be, in order of preference."""

    domain: str
    """The DNS zone that holds the names of bots, or empty."""

    def inventory(self, zones: Sequence[str]) -> Inventory:
        """All our resources in these zones. Raises rather than leave something out."""

    def offers(self) -> Sequence[ServerOffer]:
        """What can be rented in our zones."""

    def carry_out(self, job: Job) -> None:
        """Do it. Removing something that is already gone is not an error."""

    def device(self, volume_id: str) -> str:
        """The path at which a machine finds this volume."""

    def access(self) -> Access:
        """When the keys that this cloud is called with end."""

    def rights(self) -> Iterator[Right]:
        """What the keys can do and what they lack, one by one."""
