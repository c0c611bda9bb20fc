"""The table of moves: what to do next with a machine, given what is wanted and what exists. Pure, no I/O.

It decides only by what exists, never by how far the row says things have come. So the keeper can be killed between any two
moves, and a call may have taken effect without an answer: the resource is there, and is not made again.
"""

from dataclasses import dataclass, field
from datetime import timedelta

from butt.clouds.capacity import best
from butt.clouds.interface import LEAVING_ORDER, CloudEffect, Condition, ResourceKind, ServerOffer, Thing
from butt.clouds.models import Rented
from butt.clouds.situation import MachineSituation
from butt.reasons import Reason

State = Rented.State

SOON = timedelta(0)
WATCHING = timedelta(seconds=1)
RESTING = timedelta(seconds=60)
NO_ROOM = timedelta(minutes=5)
RECORDS_AT_ONCE = 100
"""Records per call: the rest follow after the next inventory."""

BIGGER = Reason("becoming-bigger")


@dataclass(frozen=True)
class MachineTransition:
    """Move to `state`; `changes` of `Rented` are written before `effect`, `after` once it is done; look again after `wait`."""

    state: Rented.State
    reason: str = ""
    effect: CloudEffect = CloudEffect.NOTHING
    target: Thing | None = None
    wait: timedelta = SOON
    changes: dict[str, object] = field(default_factory=dict)
    after: dict[str, object] = field(default_factory=dict)
    records: tuple[tuple[str, str, str], ...] = ()


def decide(at: MachineSituation) -> MachineTransition:
    return _stay(at) if at.wanted.present else _leave(at)


def _stay(at: MachineSituation) -> MachineTransition:
    if not at.rented.zone:
        return _tidy(at) or _choose(at)
    return _lose(at) or _tidy(at) or _replace(at) or _surround(at) or _storage(at) or _serve(at)


def _choose(at: MachineSituation) -> MachineTransition:
    """The cheapest place with room. Once there is data, its volume fixes the zone."""
    offer = best(at.offers, at.policy.needs, at.policy.zones, at.rented.tried)
    if offer:
        return MachineTransition(State.MAKING, changes={"zone": offer.zone, "type": offer.type})
    reason = Reason("no-zone")
    return MachineTransition(State.MAKING, reason, wait=NO_ROOM, changes={"tried": []})


def _tidy(at: MachineSituation) -> MachineTransition | None:
    """Remove duplicates of what should exist once, and what is in a zone that had no room."""
    if at.lost_root:
        return _go_on(at, CloudEffect.MARK_ROOT, at.lost_root)
    kept = [at.server, at.group, at.address(ResourceKind.ADDRESS4), at.address(ResourceKind.ADDRESS6)]
    ids = {thing.id for thing in kept if thing}
    for kind in (ResourceKind.SERVER, ResourceKind.ADDRESS4, ResourceKind.ADDRESS6):
        for thing in at.has.all(kind):
            if thing.id not in ids:
                return _remove(at, thing)
    servers = at.has.all(ResourceKind.SERVER)
    for group in at.has.all(ResourceKind.GROUP):
        if group.id not in ids and group.zone not in {server.zone for server in servers}:
            return _remove(at, group)
    for root in at.has.all(ResourceKind.ROOT):
        if root.on not in {server.id for server in servers}:
            return _remove(at, root)
    for volume in at.has.all(ResourceKind.VOLUME):
        # A volume that was ever attached may hold somebody's log: only a person may delete it.
        if volume != at.volume and not volume.on and not (volume.used and at.rented.held):
            return _remove(at, volume)
    return None


def _lose(at: MachineSituation) -> MachineTransition | None:
    """Say at once that a machine is gone although nobody asked for that."""
    if not at.server and at.rented.held and at.rented.state not in {State.REPLACING, State.STUCK}:
        return MachineTransition(State.REPLACING, Reason("machine-gone"))
    return None


def _replace(at: MachineSituation) -> MachineTransition | None:
    """Make a new server only when the old one is seen to be gone: an identity never runs twice."""
    if at.rented.remake:
        if at.server:
            return _remove(at, at.server, State.REPLACING, Reason("machine-made-bigger"))
        return MachineTransition(
            State.REPLACING, at.rented.reason, changes={"remake": False, "server_id": ""}
        )
    if at.wanted.replacements > at.rented.replaced:
        if at.server:
            return _remove(at, at.server, State.REPLACING, Reason("machine-replaced"))
        return MachineTransition(
            State.REPLACING, changes={"replaced": at.wanted.replacements, "server_id": ""}
        )
    return None


def _surround(at: MachineSituation) -> MachineTransition | None:
    if not at.group:
        return _make(at, CloudEffect.MAKE_GROUP)
    if at.rented.opened != at.group.id:
        return _go_on(at, CloudEffect.OPEN_PORTS, at.group, after={"opened": at.group.id})
    for kind in at.address_kinds:
        if not at.address(kind):
            return _make(at, _TAKE[kind])
    return None


def _storage(at: MachineSituation) -> MachineTransition | None:
    if at.volume:
        if at.volume.condition is Condition.BROKEN:
            return _wait(at, Reason("volume-in-state", state=at.volume.said))
        return _wait(at) if at.volume.condition is Condition.BUSY and not at.volume.on else None
    if not at.rented.held:
        return _make(at, CloudEffect.MAKE_VOLUME)
    chosen = at.wanted.snapshot
    if chosen != at.rented.restored and chosen in {
        snapshot.id for snapshot in at.has.all(ResourceKind.SNAPSHOT)
    }:
        return _make(
            at,
            CloudEffect.MAKE_VOLUME,
            state=State.REPLACING,
            reason=Reason("volume-from-snapshot"),
            changes={"volume_id": ""},
            after={"restored": chosen},
        )
    snapshots = at.has.all(ResourceKind.SNAPSHOT)
    good = [s.created for s in snapshots if s.created and s.condition is not Condition.BROKEN]
    newest = max(good, default=None)
    reason = Reason("volume-gone")
    if newest:
        reason = Reason("volume-gone-but-snapshot", at=f"{newest:%Y-%m-%d %H:%M}")
    return MachineTransition(State.STUCK, reason, wait=RESTING)


def _serve(at: MachineSituation) -> MachineTransition:
    server, volume = at.server, at.volume
    if volume is None:
        raise AssertionError("a server is looked at before its volume is there")
    if server is None:
        if volume.on:
            return _wait(at, Reason("volume-elsewhere"))
        return _make(at, CloudEffect.MAKE_SERVER)
    if server.condition is Condition.BROKEN:
        return _wait(at, Reason("machine-in-state", state=server.said))
    if at.root and not at.root.marked and at.root.condition is Condition.READY:
        return _go_on(at, CloudEffect.MARK_ROOT, at.root)
    if server.condition is Condition.BUSY:
        return _wait(at)
    if not volume.on:
        return _go_on(at, CloudEffect.ATTACH_VOLUME, volume)
    if volume.on != server.id:
        return _wait(at, Reason("volume-elsewhere"))
    for kind in (ResourceKind.ADDRESS4, ResourceKind.ADDRESS6):
        if (address := at.address(kind)) and address.on != server.id:
            return _go_on(at, CloudEffect.ATTACH_ADDRESS, address)
    if server.condition is Condition.RUNNING:
        return _keep(at, server, volume)
    if server.type != at.rented.type:
        # A server that was halted from within keeps its place, and so its type.
        stopped = server.condition is Condition.STOPPED
        return _go_on(at, CloudEffect.CHANGE_TYPE, server) if stopped else _make_way(server)
    return _go_on(at, CloudEffect.BOOT, server, changes={} if at.rented.held else {"held": True})


def _keep(at: MachineSituation, server: Thing, volume: Thing) -> MachineTransition:
    """The machine runs: see what has changed since."""
    if volume.condition is Condition.BUSY:
        # While it grows it is shown with the size it had.
        return MachineTransition(State(at.rented.state), at.rented.reason, wait=WATCHING)
    if volume.size < at.policy.disk:
        return _go_on(at, CloudEffect.GROW_VOLUME, volume)
    if at.rented.type != server.type:
        return _make_way(server)
    if bigger := _bigger(at, server):
        return MachineTransition(State.CHANGING, BIGGER, changes={"type": bigger.type})
    names = ", ".join(at.taken)
    words = Reason("name-taken", names=names) if names else ""
    well = MachineTransition(State.READY, words, wait=RESTING, changes={"tries": 0, "tried": []})
    return _names(at) or _snapshots(at) or well


def _names(at: MachineSituation) -> MachineTransition | None:
    records = {(r.name, r.type, r.address): r for r in at.has.all(ResourceKind.RECORD)}
    strangers = {(r.name, r.type, r.address) for r in at.has.unmarked if r.kind is ResourceKind.RECORD}
    absent = at.records - set(records) - strangers
    if at.outdated:
        return _remove(at, at.outdated[0], State(at.rented.state))
    taken = set(at.taken)
    if ours := sorted(record for record in absent if record[0] not in taken):
        return _go_on(at, CloudEffect.SET_RECORDS, records=tuple(ours[:RECORDS_AT_ONCE]))
    for record in at.has.all(ResourceKind.RECORD):
        key = record.name, record.type, record.address
        if at.policy.domain and (key not in at.records or records[key] != record):
            return _remove(at, record, State(at.rented.state))
    return None


def _snapshots(at: MachineSituation) -> MachineTransition | None:
    """Keep the wanted number of good snapshots and no more, except one that is still to be restored from."""
    snapshots = at.has.all(ResourceKind.SNAPSHOT)
    bad = [snapshot for snapshot in snapshots if snapshot.condition is Condition.BROKEN]
    good = [snapshot for snapshot in snapshots if snapshot.condition is not Condition.BROKEN]
    chosen = at.wanted.snapshot if at.wanted.snapshot != at.rented.restored else ""
    old = [snapshot for snapshot in good if snapshot.id != chosen]
    if old and len(good) > max(at.policy.snapshots, 0):
        return _remove(at, old[0], State.READY)
    if not at.policy.snapshots:
        return _remove(at, bad[0], State.READY) if bad else None
    if _snapshot_is_due(at, snapshots):
        # A snapshot that failed counts for a day, so that failed attempts do not follow one another.
        return (
            _remove(at, bad[0], State.READY)
            if bad
            else _make(at, CloudEffect.TAKE_SNAPSHOT, state=State.READY)
        )
    return None


def _make_way(server: Thing) -> MachineTransition:
    return MachineTransition(State.CHANGING, BIGGER, CloudEffect.STOP, server, WATCHING)


def _bigger(at: MachineSituation, server: Thing) -> ServerOffer | None:
    """A machine grows by itself but never shrinks."""
    memory = next((o.memory for o in at.offers if o.zone == server.zone and o.type == server.type), None)
    if memory is None or memory >= at.policy.memory:
        return None
    return best(at.offers, at.policy.needs, (server.zone,))


def _snapshot_is_due(at: MachineSituation, snapshots: list[Thing]) -> bool:
    newest = max(
        (s.created for s in snapshots if s.created), default=at.volume.created if at.volume else None
    )
    return newest is not None and at.now - newest >= at.policy.snapshot_every


def _leave(at: MachineSituation) -> MachineTransition:
    """Remove the names first, so that nobody dials; the rows last, so that they show that there is work as long as there is
    some.
    """
    if at.lost_root:
        return MachineTransition(
            State.LEAVING, at.rented.reason, CloudEffect.MARK_ROOT, at.lost_root, after={"tries": 0}
        )
    for kind in LEAVING_ORDER:
        if things := at.has.all(kind):
            forgotten: dict[str, object] = (
                {"held": False, "volume_id": ""} if kind is ResourceKind.VOLUME else {}
            )
            return _remove(at, things[0], State.LEAVING, changes=forgotten)
    ours = {at.rented.address4, at.rented.address6, *at.rented.former} - {""}
    for record in at.has.unmarked:
        if record.kind is ResourceKind.RECORD and record.name in at.wanted.names and record.address in ours:
            return _remove(at, record, State.LEAVING)
    if at.unsettled:
        return MachineTransition(State.LEAVING, wait=WATCHING)
    return MachineTransition(State.LEAVING, effect=CloudEffect.FORGET)


def _remove(
    at: MachineSituation,
    thing: Thing,
    state: Rented.State | None = None,
    reason: str = "",
    changes: dict[str, object] | None = None,
) -> MachineTransition:
    state, reason = state or State(at.rented.state), reason or at.rented.reason
    if thing.condition is Condition.BUSY or (
        thing.kind in {ResourceKind.VOLUME, ResourceKind.ROOT} and thing.on
    ):
        return MachineTransition(state, reason, wait=WATCHING)
    for root in at.has.all(ResourceKind.ROOT):
        if root.on == thing.id and not root.marked:
            # Only its server shows whose it is: without the server nobody would know, and it would stay on the bill.
            if root.condition is Condition.BUSY:
                return MachineTransition(state, reason, wait=WATCHING)
            return MachineTransition(state, reason, CloudEffect.MARK_ROOT, root, SOON, {}, {"tries": 0})
    return MachineTransition(state, reason, CloudEffect.REMOVE, thing, SOON, changes or {}, {"tries": 0})


def _make(
    at: MachineSituation,
    effect: CloudEffect,
    *,
    state: Rented.State | None = None,
    reason: str = "",
    changes: dict[str, object] | None = None,
    after: dict[str, object] | None = None,
) -> MachineTransition:
    """Make it, unless an earlier call for it may still take effect."""
    state, reason = state or _busy(at), reason or at.rented.reason
    if at.unsettled:
        return MachineTransition(state, reason, wait=WATCHING)
    changes = {**(changes or {}), "unsure_until": at.now + at.policy.settling}
    after = {**(after or {}), "unsure_until": None, "tries": 0}
    return MachineTransition(state, reason, effect, changes=changes, after=after)


def _go_on(
    at: MachineSituation,
    effect: CloudEffect,
    target: Thing | None = None,
    *,
    changes: dict[str, object] | None = None,
    after: dict[str, object] | None = None,
    records: tuple[tuple[str, str, str], ...] = (),
) -> MachineTransition:
    state = State.READY if at.rented.state == State.READY else _busy(at)
    return MachineTransition(
        state, at.rented.reason, effect, target, SOON, changes or {}, {"tries": 0, **(after or {})}, records
    )


def _wait(at: MachineSituation, reason: str = "") -> MachineTransition:
    return MachineTransition(_busy(at), reason or at.rented.reason, wait=WATCHING)


_TAKE = {ResourceKind.ADDRESS4: CloudEffect.MAKE_ADDRESS4, ResourceKind.ADDRESS6: CloudEffect.MAKE_ADDRESS6}


def _busy(at: MachineSituation) -> Rented.State:
    state = State(at.rented.state)
    return state if state in {State.MAKING, State.CHANGING, State.REPLACING} else State.MAKING
