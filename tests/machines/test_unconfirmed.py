"""After restoring a backup from before a move: no identity runs twice, whatever the restored rows say."""

import json
import uuid
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from butt.agents.models import Agent, Progress
from butt.configuration import configuration
from butt.hosts import Away, Sighting
from butt.hosts.salt.host import Salt
from butt.machines.models import Machine, OldCopy, Placement, Tombstone, Unconfirmed
from butt.machines.pillar import pillar_of
from butt.machines.reports import read_report, take
from butt.machines.unconfirmed import hold_all
from butt.operating import NotDone
from butt.operating.actions import OF_BOT, act
from tests.machines.machines import machine, place, placed_bot, report
from tests.people import many_bots, person
from tests.sources.conftest import settings_of

__all__ = ["settings_of"]

pytestmark = pytest.mark.django_db
NAMES = ("m1", "m2", "m3")


class World:
    """Machines that do what their pillar says, as Salt makes them: they do not touch a bot that it does not
    name.
    """

    def __init__(self, running: dict[uuid.UUID, str]) -> None:
        self.runs = {name: {bot for bot, on in running.items() if on == name} for name in NAMES}

    def obeys(self, name: str) -> None:
        """It reads its orders, carries them out, and reports."""
        told = pillar_of(name)["butt"]
        for bot_id, order in told["bots"].items():
            (self.runs[name].add if order["run"] else self.runs[name].discard)(uuid.UUID(bot_id))
        self.runs[name] -= {uuid.UUID(bot_id) for bot_id in told["deleted"]}
        self.reports(name, told["generation"])

    def reports(self, name: str, generation: int) -> None:
        bots = {str(bot_id): {"launch": 1, "running": True} for bot_id in self.runs[name]}
        take(name, read_report(json.dumps(report(generation, bots=bots)).encode()))

    def runs_twice(self) -> set[uuid.UUID]:
        everywhere = [bot_id for bots in self.runs.values() for bot_id in bots]
        return {bot_id for bot_id in everywhere if everywhere.count(bot_id) > 1}


@pytest.fixture
def machines() -> dict[str, Machine]:
    return {name: machine(name, seen_at=timezone.now()) for name in NAMES}


def away(bot: Agent, home: Path) -> str:
    """Why nothing can be said about the bot."""
    seen = Salt(home).look([bot.id])[bot.id]
    assert isinstance(seen, Away)
    return str(seen)


def restored(tmp_path: Path) -> int:
    return hold_all(tmp_path, "default")


place_names = st.sampled_from(NAMES)


@given(
    then=st.lists(st.tuples(place_names, st.booleans()), min_size=3, max_size=3),
    now=st.lists(place_names | st.none(), min_size=3, max_size=3),
    steps=st.lists(st.tuples(place_names, st.booleans()), max_size=12),
)
def test_an_identity_never_runs_twice_after_a_restore(
    tmp_path_factory: pytest.TempPathFactory,
    then: list[tuple[str, bool]],
    now: list[str | None],
    steps: list[tuple[str, bool]],
):
    """Where bots were when the backup was made, and where they are now; then machines report in any order.

    Some reports were made before the restore, and arrive late.
    """
    with transaction.atomic():
        machines = {name: machine(name, seen_at=timezone.now()) for name in NAMES}
        many_bots(person("alice"), 3)
        bots = list(Agent.objects.filter(type="bot").order_by("name"))
        for bot, (name, run) in zip(bots, then, strict=True):
            place(bot, machines[name], run=run)
        world = World({bot.id: name for bot, name in zip(bots, now, strict=True) if name})
        restored(tmp_path_factory.mktemp("home"))
        host = Salt(configuration().home)
        for name, is_late in steps:
            if is_late:
                world.reports(name, 1)
            else:
                world.obeys(name)
            for bot in bots:
                seen = host.look([bot.id])[bot.id]
                if isinstance(seen, Away):
                    continue
                assert isinstance(seen, Sighting)
                # Whatever the steward orders now goes to the machine that the rows name.
                Placement.objects.filter(bot=bot).update(run=True)
            assert not world.runs_twice()
        for bot, (name, _), at in zip(bots, then, now, strict=True):
            if not Unconfirmed.objects.filter(bot=bot).exists():
                assert name == at, "only the machine where it runs confirms it"
        transaction.set_rollback(True)


def test_a_bot_that_runs_where_it_was_continues(machines: dict[str, Machine], tmp_path: Path):
    bot = placed_bot(person("alice"), machines["m1"])
    world = World({bot.id: "m1"})
    assert restored(tmp_path) == 1
    assert pillar_of("m1")["butt"]["bots"] == {}, "its machine leaves it as it is"
    assert "restored from a backup" in away(bot, tmp_path)
    world.obeys("m1")
    assert not Unconfirmed.objects.exists()
    assert str(bot.id) in pillar_of("m1")["butt"]["bots"]
    world.obeys("m1")
    assert Salt(tmp_path).look([bot.id])[bot.id].running


def test_a_bot_that_was_moved_waits_until_an_operator_says_where_it_lives(
    machines: dict[str, Machine], tmp_path: Path
):
    bot = placed_bot(person("alice"), machines["m1"])
    world = World({bot.id: "m2"})
    restored(tmp_path)
    for name in NAMES:
        world.obeys(name)
    assert "m2 says that it runs there" in away(bot, tmp_path)
    with pytest.raises(NotDone, match="m2 says"):
        act(OF_BOT["confirm-place"], "operator olga", bot, "I looked.", "m1")
    act(OF_BOT["confirm-place"], "operator olga", bot, "I looked.", "m2")
    assert Placement.objects.get(bot=bot).machine == machines["m2"]
    with pytest.raises(NotDone, match="we know where it lives"):
        act(OF_BOT["confirm-place"], "operator olga", bot, "I looked.", "m2")
    assert isinstance(Salt(tmp_path).look([bot.id])[bot.id], Sighting)


def test_a_report_from_before_the_restore_confirms_nothing(machines: dict[str, Machine], tmp_path: Path):
    bot = placed_bot(person("alice"), machines["m1"])
    before = Machine.objects.get(minion_id="m1").generation + 1000
    restored(tmp_path)
    World({bot.id: "m1"}).reports("m1", before)
    assert Unconfirmed.objects.filter(bot=bot).exists()


def test_a_machine_cannot_confirm_another_identity(machines: dict[str, Machine], tmp_path: Path):
    bot = placed_bot(person("alice"), machines["m1"])
    restored(tmp_path)
    generation = Machine.objects.get(minion_id="m1").generation
    other = "@" + "B" * 43 + "=.ed25519"
    seen = {str(bot.id): {"launch": 1, "running": True, "ssbId": other}}
    take("m1", read_report(json.dumps(report(generation, bots=seen)).encode()))
    assert Unconfirmed.objects.filter(bot=bot).exists()


def test_nothing_is_removed_where_a_bot_may_have_returned(machines: dict[str, Machine], tmp_path: Path):
    bot = placed_bot(person("alice"), machines["m1"])
    gone = uuid.uuid4()
    for bot_id in (bot.id, gone):
        Tombstone.objects.create(machine=machines["m2"], bot_id=bot_id, generation=1)
    OldCopy.objects.create(bot=bot, machine=machines["m3"], order={"release": "r1"})
    restored(tmp_path)
    assert pillar_of("m2")["butt"]["deleted"] == [str(gone)], "that bot has no row any more"
    assert pillar_of("m3")["butt"]["bots"] == {}


@pytest.mark.parametrize(("left", "waits"), [("moved", True), ("data/secret", False), ("", True)])
def test_a_local_bot_waits_if_it_may_have_been_moved_to_a_machine(
    tmp_path: Path, settings_of: Any, left: str, waits: bool
):
    settings_of(host="salt", salt="master", home=tmp_path)
    many_bots(person("alice"), 1)
    bot = Agent.objects.get(type="bot")
    assert Progress.objects.get(bot=bot).ssb_id
    folder = tmp_path / "bots" / str(bot.id)
    for name in {left, "data/secret"} if left else ():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    assert restored(tmp_path) == waits
    if waits:
        assert "restored from a backup" in away(bot, tmp_path)


def test_the_only_machine_without_a_salt_master_is_certain(tmp_path: Path):
    here = machine("here-abc")
    placed_bot(person("alice"), here)
    assert restored(tmp_path) == 0
