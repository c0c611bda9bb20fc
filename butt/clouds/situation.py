"""All that a decision about a machine may depend on: what is wanted, what there is, and what is allowed. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from butt.clouds.interface import Holding, Kind, Offer, Thing
from butt.clouds.models import Rented, Wanted


@dataclass(frozen=True)
class Policy:
    """What the operator has set. Memory and disk in bytes, for this person's bots.

    `settling` is how long after a call without an answer its effect may still appear.
    """

    zones: tuple[str, ...]
    memory: int
    disk: int
    domain: str = ""
    snapshot_every: timedelta = timedelta(hours=24)
    snapshots: int = 3
    settling: timedelta = timedelta(seconds=30)


@dataclass(frozen=True)
class Situation:
    """All that a decision may depend on."""

    wanted: Wanted
    rented: Rented
    has: Holding
    offers: tuple[Offer, ...]
    now: datetime
    policy: Policy

    @property
    def unsettled(self) -> bool:
        """Whether a call may still have its effect; a clock that was ahead would have it so for long."""
        until = self.rented.unsure_until
        return until is not None and self.now < until <= self.now + self.policy.settling

    @property
    def server(self) -> Thing | None:
        """The one that is kept: the one we know, else the one with the data on it, else the oldest."""
        servers = [s for s in self.has.all(Kind.SERVER) if s.zone == self.rented.zone]
        volume = self.volume
        known = [s for s in servers if s.id == self.rented.server_id]
        with_data = [s for s in servers if volume and s.id == volume.on]
        return next(iter(with_data + known + servers), None)

    @property
    def volume(self) -> Thing | None:
        volumes = [v for v in self.has.all(Kind.VOLUME) if v.zone == self.rented.zone]
        if self.rented.volume_id:
            return next((v for v in volumes if v.id == self.rented.volume_id), None)
        return next(iter(sorted(volumes, key=lambda v: not v.used)), None)

    def address(self, kind: Kind) -> Thing | None:
        known = {self.rented.address4, self.rented.address6}
        addresses = [a for a in self.has.all(kind) if a.zone == self.rented.zone]
        return next(iter(sorted(addresses, key=lambda a: a.address not in known)), None)

    @property
    def group(self) -> Thing | None:
        return next((g for g in self.has.all(Kind.GROUP) if g.zone == self.rented.zone), None)

    @property
    def records(self) -> set[tuple[str, str, str]]:
        """Name, type and data of the DNS records there should be."""
        if not self.policy.domain:
            return set()
        kinds = ((Kind.ADDRESS4, "A"), (Kind.ADDRESS6, "AAAA"))
        found = [(type_, address.address) for kind, type_ in kinds if (address := self.address(kind))]
        return {(name, type_, data) for name in self.wanted.names for type_, data in found}

    @property
    def taken(self) -> list[str]:
        """Names that lead elsewhere by records that do not say whose they are: setting ours would replace them."""
        elsewhere = {(r.name, r.type, r.address) for r in self.has.unmarked} - self.records
        wanted = {(name, type_) for name, type_, _ in self.records}
        return sorted({name for name, type_, _ in elsewhere if (name, type_) in wanted})


def meet(at: Situation) -> dict[str, object]:
    """What the look tells that the row does not know yet: ids and addresses, and what it all costs."""
    pairs = {
        "server_id": at.server.id if at.server else at.rented.server_id,
        "volume_id": at.rented.volume_id or (at.volume.id if at.volume else ""),
        "address4": getattr(at.address(Kind.ADDRESS4), "address", at.rented.address4),
        "address6": getattr(at.address(Kind.ADDRESS6), "address", at.rented.address6),
        "type": _type(at),
        "monthly": at.has.monthly.quantize(Decimal("0.01")),
    }
    return {name: value for name, value in pairs.items() if getattr(at.rented, name) != value}


def _type(at: Situation) -> str:
    """One that runs and is bigger than the row says is not made smaller: nothing shrinks by itself."""
    server, wanted = at.server, at.rented.type
    if server is None or server.state != "running":
        return wanted
    memory = {offer.type: offer.memory for offer in at.offers if offer.zone == server.zone}
    return server.type if memory.get(server.type, 0) > memory.get(wanted, 0) else wanted
