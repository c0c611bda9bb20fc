"""Everything that a decision about a machine may depend on: what is wanted, what exists, and what is allowed. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from butt.clouds.capacity import Needs, cost
from butt.clouds.interface import Condition, Holding, ResourceKind, ServerOffer, Thing
from butt.clouds.models import Rented, WantedMachine

CENT = Decimal("0.01")
MOST_FORMER = 20
"""How many former addresses of a machine are remembered."""


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
    ipv4: bool = True

    @property
    def needs(self) -> Needs:
        return Needs(self.memory, self.disk, self.snapshots, self.ipv4)


@dataclass(frozen=True)
class MachineSituation:
    """Everything that a decision may depend on."""

    wanted: WantedMachine
    rented: Rented
    has: Holding
    offers: tuple[ServerOffer, ...]
    now: datetime
    policy: Policy

    @property
    def unsettled(self) -> bool:
        """Whether a call may still take effect. A time far ahead, written by a wrong clock, does not count."""
        until = self.rented.unsure_until
        return until is not None and self.now < until <= self.now + self.policy.settling

    @property
    def server(self) -> Thing | None:
        """The server to keep: the one in the row, else the one with the data on it, else the oldest."""
        servers = [s for s in self.has.all(ResourceKind.SERVER) if s.zone == self.rented.zone]
        volume = self.volume
        known = [s for s in servers if s.id == self.rented.server_id]
        with_data = [s for s in servers if volume and s.id == volume.on]
        return next(iter(with_data + known + servers), None)

    @property
    def volume(self) -> Thing | None:
        volumes = [v for v in self.has.all(ResourceKind.VOLUME) if v.zone == self.rented.zone]
        if self.rented.volume_id:
            return next((v for v in volumes if v.id == self.rented.volume_id), None)
        return next(iter(sorted(volumes, key=lambda v: not v.used)), None)

    def address(self, kind: ResourceKind) -> Thing | None:
        """The address in the row, else the one that is on the server, else the first."""
        known = {self.rented.address4, self.rented.address6} - {""}
        server = self.server.id if self.server else ""
        addresses = [a for a in self.has.all(kind) if a.zone == self.rented.zone]
        ranked = sorted(addresses, key=lambda a: (a.address not in known, not server or a.on != server))
        return next(iter(ranked), None)

    @property
    def address_kinds(self) -> tuple[ResourceKind, ...]:
        """The kinds of address that the machine should have. One that was taken before the setting changed is kept."""
        wants4 = self.policy.ipv4 or self.address(ResourceKind.ADDRESS4)
        return (ResourceKind.ADDRESS4, ResourceKind.ADDRESS6) if wants4 else (ResourceKind.ADDRESS6,)

    @property
    def root(self) -> Thing | None:
        """The volume that the server boots from."""
        server = self.server
        return next((r for r in self.has.all(ResourceKind.ROOT) if server and r.on == server.id), None)

    @property
    def lost_root(self) -> Thing | None:
        """A root volume whose server went before the volume was marked: it is recognised by the id in the row."""
        return next(
            (t for t in self.has.unmarked if t.kind is ResourceKind.ROOT and t.id == self.rented.root_id),
            None,
        )

    @property
    def group(self) -> Thing | None:
        return next((g for g in self.has.all(ResourceKind.GROUP) if g.zone == self.rented.zone), None)

    @property
    def _unmarked(self) -> list[Thing]:
        return [thing for thing in self.has.unmarked if thing.kind is ResourceKind.RECORD]

    @property
    def records(self) -> set[tuple[str, str, str]]:
        """Name, type and data of the DNS records that should exist."""
        if not self.policy.domain:
            return set()
        kinds = ((ResourceKind.ADDRESS4, "A"), (ResourceKind.ADDRESS6, "AAAA"))
        found = [(type_, a.address) for kind, type_ in kinds if (a := self.address(kind)) and a.address]
        return {(name, type_, data) for name in self.wanted.names for type_, data in found}

    @property
    def outdated(self) -> list[Thing]:
        """Records of our names that do not say whose they are, but point to an earlier address of this machine."""
        return [r for r in self._unmarked if r.name in self.wanted.names and r.address in self.rented.former]

    @property
    def taken(self) -> list[str]:
        """Names that point elsewhere by records that do not say whose they are: setting ours would replace them."""
        strangers = [record for record in self._unmarked if record not in self.outdated]
        elsewhere = {(r.name, r.type, r.address) for r in strangers} - self.records
        wanted = {(name, type_) for name, type_, _ in self.records}
        return sorted({name for name, type_, _ in elsewhere if (name, type_) in wanted})


def meet(at: MachineSituation) -> dict[str, object]:
    """What the inventory shows that the row does not have yet: ids and addresses, and the total cost."""
    address4, address6 = at.address(ResourceKind.ADDRESS4), at.address(ResourceKind.ADDRESS6)
    pairs: dict[str, object] = {
        "server_id": at.server.id if at.server else at.rented.server_id,
        "volume_id": at.rented.volume_id or (at.volume.id if at.volume else ""),
        "root_id": at.root.id if at.root else at.rented.root_id,
        "address4": (address4.address if address4 else "") or at.rented.address4,
        "address6": (address6.address if address6 else "") or at.rented.address6,
        "type": _type(at),
        "monthly": at.has.monthly.quantize(CENT),
    }
    if at.rented.address6 and pairs["address6"] != at.rented.address6:
        pairs["former"] = [*at.rented.former, at.rented.address6][-MOST_FORMER:]
    offer = next((o for o in at.offers if (o.zone, o.type) == (at.rented.zone, pairs["type"])), None)
    if offer:
        pairs["expected"] = cost(offer, at.policy.needs).total.quantize(CENT)
    return {name: value for name, value in pairs.items() if getattr(at.rented, name) != value}


def _type(at: MachineSituation) -> str:
    """A machine that runs and is bigger than the row says is not made smaller: nothing shrinks by itself."""
    server, wanted = at.server, at.rented.type
    if server is None or server.condition is not Condition.RUNNING:
        return wanted
    memory = {offer.type: offer.memory for offer in at.offers if offer.zone == server.zone}
    return server.type if memory.get(server.type, 0) > memory.get(wanted, 0) else wanted
