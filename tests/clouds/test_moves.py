"""The table of moves against a world in which any call may fail, come late, or take effect without an
answer.
"""

import itertools
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from butt.clouds.interface import (
    CloudEffect,
    CloudTrouble,
    Condition,
    Holding,
    Inventory,
    OutOfStock,
    OverQuota,
    ResourceKind,
    ServerOffer,
    Thing,
    Unsure,
)
from butt.clouds.models import Rented, WantedMachine
from butt.clouds.moves import MachineTransition, decide
from butt.clouds.setbacks import after_trouble
from butt.clouds.situation import MachineSituation, Policy, meet
from tests.fuzzing import FUZZ

ZONES = ("paris", "amsterdam")
OFFERS = tuple(
    ServerOffer(zone, name, memory, Decimal(memory))
    for zone in ZONES
    for name, memory in (("small", 2), ("big", 8))
)
SETTLING = timedelta(seconds=30)
UP = {Condition.BUSY, Condition.RUNNING}
EXCLUSIVE = (
    ResourceKind.SERVER,
    ResourceKind.VOLUME,
    ResourceKind.ROOT,
    ResourceKind.GROUP,
    ResourceKind.ADDRESS4,
    ResourceKind.ADDRESS6,
)


class World:
    """What the provider has and does: a volume is on one server at a time."""

    def __init__(self) -> None:
        self.things: dict[str, Thing] = {}
        self.ids = itertools.count(1)
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        self.lost_data = False

    def all(self, *kinds: ResourceKind) -> list[Thing]:
        return [thing for thing in self.things.values() if thing.kind in kinds]

    def put(self, kind: ResourceKind, zone: str, **more: object) -> Thing:
        thing = Thing(kind, f"{kind}-{next(self.ids)}", zone, ALICE, created=self.now, **more)  # type: ignore[arg-type]
        self.things[thing.id] = thing
        return thing

    def change(self, thing: Thing, **more: object) -> None:
        self.things[thing.id] = replace(thing, **more)  # type: ignore[arg-type]

    def do(self, at: MachineSituation, move: MachineTransition) -> None:
        """Take effect at the provider, whenever the call arrives."""
        zone, server, volume = at.rented.zone, at.server, at.volume
        if move.effect is CloudEffect.MAKE_SERVER:
            self._make_server(zone, at.rented.type, volume)
        elif kind := move.effect.makes:
            # Its IPv6 address is known only once it is on a server.
            address = str(next(self.ids)) if kind is ResourceKind.ADDRESS4 else ""
            on = volume.id if kind is ResourceKind.SNAPSHOT and volume else ""
            size = at.policy.disk if kind is ResourceKind.VOLUME else 0
            self.put(kind, zone, address=address, on=on, size=size)
        elif move.effect is CloudEffect.SET_RECORDS:
            for name, type_, data in move.records:
                for old in self.all(ResourceKind.RECORD):
                    if (old.name, old.type) == (name, type_):
                        del self.things[old.id]
                self.put(ResourceKind.RECORD, "dns", name=name, type=type_, address=data)
        elif move.effect is CloudEffect.REMOVE and move.target:
            self._remove(move.target)
        elif move.effect is CloudEffect.MARK_ROOT and move.target and move.target.id in self.things:
            self.change(self.things[move.target.id], marked=True, agent_id=ALICE)
        elif server and server.id in self.things:
            self._act(move.effect, self.things[server.id], at, move)

    def _make_server(self, zone: str, type_: str, volume: Thing | None) -> None:
        here = self.things.get(volume.id) if volume else None
        if here is None or here.on:
            raise CloudTrouble("The volume is in use.", "")
        server = self.put(ResourceKind.SERVER, zone, type=type_, condition=Condition.STOPPED)
        self.put(ResourceKind.ROOT, zone, on=server.id, marked=False)
        self.change(here, on=server.id, used=True)

    def _act(self, effect: CloudEffect, server: Thing, at: MachineSituation, move: MachineTransition) -> None:
        if effect is CloudEffect.BOOT:
            if server.condition is not Condition.STOPPED:
                raise CloudTrouble("It is not stopped.", "")
            self.change(server, condition=Condition.RUNNING)
        elif effect is CloudEffect.STOP:
            self.change(server, condition=Condition.STOPPED)
        elif effect is CloudEffect.CHANGE_TYPE:
            self.change(server, type=at.rented.type)
        elif effect is CloudEffect.GROW_VOLUME and at.volume:
            self.change(self.things[at.volume.id], size=at.policy.disk)
        elif effect is CloudEffect.ATTACH_ADDRESS and move.target and move.target.id in self.things:
            sixth = move.target.kind is ResourceKind.ADDRESS6
            address = f"6 of {server.id}" if sixth else move.target.address
            self.change(self.things[move.target.id], on=server.id, address=address)
        elif effect is CloudEffect.ATTACH_VOLUME and at.volume and not self.things[at.volume.id].on:
            self.change(self.things[at.volume.id], on=server.id, used=True)

    def _remove(self, target: Thing) -> None:
        thing = self.things.get(target.id)
        if thing is None:
            return
        if thing.kind in (ResourceKind.VOLUME, ResourceKind.ROOT) and thing.on:
            raise CloudTrouble("The volume is in use.", "")
        if thing.kind is ResourceKind.SERVER:
            self.lose(thing)
        del self.things[thing.id]

    def lose(self, server: Thing) -> None:
        for thing in list(self.things.values()):
            if thing.on == server.id:
                self.change(
                    thing, on="", address="" if thing.kind is ResourceKind.ADDRESS6 else thing.address
                )
                if not thing.marked:
                    # Nothing says any more whose it is.
                    self.change(self.things[thing.id], agent_id=None)


ALICE = uuid.UUID("a11ce000-0000-4000-8000-000000000000")


class OneMachine(RuleBasedStateMachine):
    """A person's machine; a keeper that may be killed; calls that arrive late or whose answers are lost."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.wanted, self.rented = WantedMachine(agent_id=ALICE, names=["my"]), Rented(agent_id=ALICE)
        self.forgotten, self.looks = False, 0
        self.late: list[tuple[datetime, MachineSituation, MachineTransition]] = []
        self.memory, self.disk = 1, 10

    @property
    def situation(self) -> MachineSituation:
        policy = Policy(ZONES, self.memory, self.disk, "example.org", settling=SETTLING)
        holding = Inventory(tuple(self.world.things.values())).of(ALICE)
        return MachineSituation(self.wanted, self.rented, holding, OFFERS, self.world.now, policy)

    # What people ask for, and what happens

    @precondition(lambda self: self.looks > 40)
    @rule()
    def gives_it_back(self) -> None:
        self.wanted.present = False

    @precondition(lambda self: not self.forgotten)
    @rule()
    def wants_another(self) -> None:
        self.wanted.replacements += 1

    @rule(memory=st.sampled_from([1, 4]), disk=st.sampled_from([10, 30]))
    def wants_room(self, memory: int, disk: int) -> None:
        self.memory, self.disk = memory, max(self.disk, disk)

    @precondition(
        lambda self: [s.id for s in self.world.all(ResourceKind.SERVER)][:1] == [self.rented.server_id]
    )
    @rule()
    def it_is_destroyed(self) -> None:
        """One that was looked at: nobody would ever know about another root."""
        server = self.world.all(ResourceKind.SERVER)[0]
        self.world.lose(server)
        del self.world.things[server.id]

    @precondition(lambda self: self.world.all(ResourceKind.SERVER))
    @rule()
    def it_halts(self) -> None:
        self.world.change(self.world.all(ResourceKind.SERVER)[0], condition=Condition.STOPPED)

    @rule(seconds=st.sampled_from([1, 10, 31, 90_000]))
    def time_passes(self, seconds: float) -> None:
        self.pass_time(seconds)

    def pass_time(self, seconds: float) -> None:
        self.world.now += timedelta(seconds=seconds)
        due, self.late = (
            [x for x in self.late if x[0] <= self.world.now],
            [x for x in self.late if x[0] > self.world.now],
        )
        for _, at, move in due:
            self.land(at, move)

    # What the keeper does

    @rule(
        how=st.sampled_from(
            [
                "well",
                "refused",
                "no stock",
                "no quota",
                "lost before",
                "lost after",
                "late",
                "killed",
                "killed late",
            ]
        )
    )
    def keeper_looks(self, how: str) -> None:
        self.look(how)

    @rule(looks=st.integers(1, 12))
    def keeper_is_left_in_peace(self, looks: int) -> None:
        for _ in range(looks):
            self.look()
            self.pass_time(1)
            self.never_two_at_once()
            self.ready_is_true()

    def look(self, how: str = "well") -> None:
        if self.forgotten:
            return
        self.looks += 1
        at = self.situation
        self.write(meet(at))
        at = self.situation
        move = decide(at)
        self.write(move.changes)
        self.rented.state, self.rented.reason = move.state, move.reason
        if move.effect is CloudEffect.FORGET:
            assert not self.world.things, "something is left on the bill"
            self.forgotten = True
        elif move.effect is not CloudEffect.NOTHING:
            self.check(at, move)
            trouble = self.call(how, at, move)
            if how.startswith("killed"):
                return
            if trouble:
                after = after_trouble(at, move, trouble, self.world.now)
                self.write(after.changes)
                self.rented.state, self.rented.reason = after.state, after.reason
                assert after.reason
            else:
                self.write(move.after)

    def call(self, how: str, at: MachineSituation, move: MachineTransition) -> CloudTrouble | None:  # noqa: PLR0911 - a table
        if how == "refused":
            return CloudTrouble("No.", "")
        if how == "no stock" and move.effect in {
            CloudEffect.MAKE_SERVER,
            CloudEffect.BOOT,
            CloudEffect.CHANGE_TYPE,
        }:
            return OutOfStock("None left.", "")
        if how == "no quota" and move.effect.makes:
            return OverQuota("No more.", "")
        if how == "lost before":
            return Unsure("No answer.", "")
        if how in {"late", "killed late"}:
            self.late.append((self.world.now + SETTLING - timedelta(seconds=1), at, move))
            return Unsure("No answer.", "")
        try:
            self.world.do(at, move)
        except CloudTrouble as trouble:
            return trouble
        return Unsure("No answer.", "") if how == "lost after" else None

    def land(self, at: MachineSituation, move: MachineTransition) -> None:
        try:
            self.world.do(at, move)
        except CloudTrouble:
            return

    def check(self, at: MachineSituation, move: MachineTransition) -> None:
        """Calls that may never be made, whatever the provider would answer."""
        others = [s for s in self.world.all(ResourceKind.SERVER) if s.condition in UP]
        if move.effect is CloudEffect.BOOT:
            assert not others, "a second machine is started beside the first"
        if move.effect is CloudEffect.MAKE_SERVER:
            assert not self.world.all(ResourceKind.SERVER), "a second machine is made beside the first"
        if move.effect is CloudEffect.REMOVE and move.target and move.target.kind is ResourceKind.VOLUME:
            kept = self.rented.held and move.target.used
            assert not kept or not self.wanted.present, "data is thrown away"

        if move.effect is CloudEffect.SET_RECORDS:
            assert all(data for _, _, data in move.records), "a name leads nowhere"

    def write(self, changes: dict[str, object]) -> None:
        for name, value in changes.items():
            setattr(self.rented, name, value)

    # What must always be so

    @invariant()
    def never_two_at_once(self) -> None:
        assert len([server for server in self.world.all(ResourceKind.SERVER) if server.condition in UP]) <= 1

    @invariant()
    def ready_is_true(self) -> None:
        assert self.rented.state != "ready" or self.rented.held

    def teardown(self) -> None:
        """Left alone, it reaches one of each; or nothing, if it was given back."""
        for _ in range(120):
            self.look()
            self.pass_time(10)
        kinds = sorted(thing.kind for thing in self.world.things.values() if thing.kind in EXCLUSIVE)
        if not self.wanted.present:
            assert self.forgotten
            assert not kinds
            return
        assert self.rented.state == "ready", self.rented.reason
        assert kinds == sorted(EXCLUSIVE)
        (server,) = self.world.all(ResourceKind.SERVER)
        (volume,) = self.world.all(ResourceKind.VOLUME)
        assert (server.condition, volume.on) == ("running", server.id)
        assert volume.size >= self.disk
        assert all(root.marked for root in self.world.all(ResourceKind.ROOT))
        addresses = {thing.address for thing in self.world.all(ResourceKind.ADDRESS4, ResourceKind.ADDRESS6)}
        assert {record.address for record in self.world.all(ResourceKind.RECORD)} == addresses, "DNS follows"
        assert len(addresses) == 2


OneMachine.TestCase.settings = settings(max_examples=200 * FUZZ, stateful_step_count=40)
TestOneMachine = OneMachine.TestCase


def situation(*things: Thing, **rented: object) -> MachineSituation:
    given = {"zone": "paris", "type": "small", "held": True, "state": "ready", **rented}
    row = Rented(agent_id=ALICE, **given)
    policy = Policy(ZONES, 1, 10, settling=SETTLING)
    return MachineSituation(
        WantedMachine(agent_id=ALICE), row, Holding(things), OFFERS, datetime(2026, 1, 1, tzinfo=UTC), policy
    )


def test_a_second_volume_that_may_hold_data_is_never_removed():
    kept = Thing(ResourceKind.VOLUME, "a", "paris", ALICE, used=True)
    other = Thing(ResourceKind.VOLUME, "b", "paris", ALICE, used=True)
    move = decide(situation(kept, other, volume_id="a"))
    assert move.target is None
    empty = replace(other, used=False)
    at = situation(
        Thing(ResourceKind.SERVER, "s", "paris", ALICE, Condition.RUNNING),
        replace(kept, on="s"),
        empty,
        volume_id="a",
    )
    assert (decide(at).effect, decide(at).target) == (CloudEffect.REMOVE, empty)


def test_of_two_servers_the_one_with_the_data_is_kept():
    first = Thing(ResourceKind.SERVER, "a", "paris", ALICE, Condition.STOPPED)
    second = Thing(ResourceKind.SERVER, "b", "paris", ALICE, Condition.STOPPED)
    volume = Thing(ResourceKind.VOLUME, "v", "paris", ALICE, on="b", used=True)
    move = decide(situation(first, second, volume, volume_id="v", server_id="a"))
    assert (move.effect, move.target) == (CloudEffect.REMOVE, first)


def test_a_server_on_its_way_is_waited_for():
    volume = Thing(ResourceKind.VOLUME, "v", "paris", ALICE, on="a", used=True)
    for condition in (Condition.BUSY, Condition.BROKEN):
        server = Thing(ResourceKind.SERVER, "a", "paris", ALICE, condition)
        things = [server, volume, *[Thing(kind, kind, "paris", ALICE) for kind in EXCLUSIVE[3:]]]
        move = decide(situation(*things, volume_id="v", server_id="a", opened=ResourceKind.GROUP))
        assert (move.effect, bool(move.wait)) == (CloudEffect.NOTHING, True)


def test_back_off_grows_and_ends_growing():
    at = situation()
    waits = []
    for tries in range(20):
        at.rented.tries = tries
        waits.append(after_trouble(at, decide(at), CloudTrouble("No.", ""), at.now).wait)
    assert waits == sorted(waits)
    assert waits[-1] == timedelta(minutes=5)


def well(*more: Thing, server: Condition = Condition.RUNNING, **rented: object) -> MachineSituation:
    """A machine that is as it should be, and everything beside it."""
    things = [
        Thing(ResourceKind.SERVER, "s", "paris", ALICE, server, type="small"),
        Thing(ResourceKind.VOLUME, "v", "paris", ALICE, on="s", size=10, used=True),
        Thing(ResourceKind.ADDRESS4, "4", "paris", ALICE, on="s", address="198.18.0.1"),
        Thing(ResourceKind.ADDRESS6, "6", "paris", ALICE, on="s", address="2001:db8::1"),
        Thing(ResourceKind.GROUP, "g", "paris", ALICE),
    ]
    known = {"server_id": "s", "volume_id": "v", "opened": "g"}
    return situation(*things, *more, **{**known, **rented})


def snapshots(*conditions: Condition) -> list[Thing]:
    """One for each of the last days, the oldest first."""
    first = datetime(2026, 1, 1, tzinfo=UTC) - timedelta(days=len(conditions)) + timedelta(hours=1)
    return [
        Thing(
            ResourceKind.SNAPSHOT,
            f"day {day}",
            "paris",
            ALICE,
            condition,
            first + timedelta(days=day),
            on="v",
        )
        for day, condition in enumerate(conditions)
    ]


def test_snapshots_are_pruned_before_and_after_one_of_them_is_restored_from():
    there = snapshots(*[Condition.READY] * 4)
    at = well(*there)
    assert decide(at).target == there[0]
    at.wanted.snapshot = there[0].id
    assert decide(at).target == there[1], "the oldest is yet to be restored from"
    at.rented.restored = there[0].id
    assert decide(at).target == there[0]


def test_a_failed_snapshot_replaces_no_good_one_and_is_removed_before_the_next():
    there = snapshots(*[Condition.READY] * 3, Condition.BROKEN)
    at = well(*there)
    assert decide(at).effect is CloudEffect.NOTHING
    tomorrow = replace(at, now=at.now + timedelta(days=1))
    assert (decide(tomorrow).effect, decide(tomorrow).target) == (CloudEffect.REMOVE, there[-1])
    tomorrow = replace(tomorrow, has=well(*there[:-1]).has)
    assert decide(tomorrow).effect is CloudEffect.TAKE_SNAPSHOT


def test_a_machine_that_halted_itself_is_powered_off_before_it_grows():
    """Halted from within, it keeps its place at the provider: its type can only be changed once that is
    free.
    """
    at = well(server=Condition.HALTED, type="big")
    assert decide(at).effect is CloudEffect.STOP
    assert decide(well(server=Condition.STOPPED, type="big")).effect is CloudEffect.CHANGE_TYPE
    assert decide(well(server=Condition.HALTED)).effect is CloudEffect.BOOT


def test_a_row_with_a_smaller_machine_than_runs_does_not_shrink_it():
    """As when a backup of the database is from before it grew."""
    at = well(type="small")
    big = replace(at, has=Holding((replace(at.has.things[0], type="big"), *at.has.things[1:])))
    assert meet(big)["type"] == "big"
    halted = replace(
        big, has=Holding((replace(big.has.things[0], condition=Condition.STOPPED), *at.has.things[1:]))
    )
    assert "type" not in meet(halted), "there may be no room for it to start as it was"
    assert "type" not in meet(well(type="big")), "it is about to grow"
