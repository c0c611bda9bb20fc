"""A real pub is moved from the control plane to machines and back. There is never more than one of it, killed or not."""

import asyncio
import random
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from django.db.models.signals import post_save, pre_save

from butt.agents.actions import create_bot, start, stop
from butt.agents.bots import bots
from butt.agents.models import Agent, JournalEntry, Progress
from butt.agents.states import State
from butt.configuration import configuration
from butt.exports.bundle import ExportPart
from butt.hosts import HostTrouble, Order, Sighting
from butt.hosts.processes import Processes
from butt.hosts.remote_reader import RemoteReader
from butt.hosts.salt import Salt
from butt.hosts.salt.carrier import Carrier
from butt.identity import service_keys
from butt.machines.models import Machine, OldCopy, Placement, Tombstone, Transfer
from butt.operating import NotDone
from butt.operating.actions import OF_BOT, act
from butt.operating.moving import is_under_way, other_machine, place_of
from scuttlekit import Address, connect
from tests.people import person
from tests.service import wait_for
from tests.sources.conftest import settings_of
from tests.whole.boxes import Box, Boxes
from tests.whole.by_hand import pubs_below, steward_of, turn
from tests.whole.test_killed_at_every_step import Killed

__all__ = ["settings_of"]

pytestmark = pytest.mark.django_db
WHY = "Its machine is old."


def pubs(land: "Land") -> list[psutil.Process]:
    """All that run, here or on a machine; each supervisord has a folder below it as well."""
    found = []
    for one in pubs_below(land.folder):
        with suppress(psutil.Error):
            if one.cmdline()[-1:] and one.cmdline()[-1].endswith("config.json"):
                found.append(one)
    return found


class Land:
    """The control plane and two machines, all in folders below one."""

    def __init__(self, home: Path, folder: Path) -> None:
        self.folder, self.boxes = folder, Boxes()
        self.host = Salt(home)
        self.host._pusher = self.boxes  # type: ignore[assignment]
        self.carrier = Carrier(self.host._processes)
        self.steward = steward_of(self.host)
        for minion_id in ("m1", "m2"):
            self.boxes[minion_id] = Box(folder / minion_id, minion_id)

    def turn(self, bot: Agent) -> Agent:
        """One round of each part. Whatever happens, one pub runs at most."""
        turn(self.steward, bot)
        self.boxes.send_what_is_asked()
        self.carrier.round()
        assert len(pubs(self)) <= 1
        return bots().get(id=bot.id)

    def turn_until(self, bot: Agent, is_so: Callable[[Agent], bool]) -> Agent:
        def turned() -> Agent | None:
            now = self.turn(bot)
            return now if is_so(now) else None

        found: Agent = wait_for(turned)
        return found

    def moves(self, bot: Agent, to: str) -> Agent:
        act(OF_BOT["move"], "operator olga", bots().get(id=bot.id), WHY, to)
        return self.turn_until(bot, lambda now: not is_under_way(now) and now.progress.state == State.ALIVE)


@pytest.fixture
def land(tmp_path: Path, settings_of: Any) -> Iterator[Land]:
    home = tmp_path / "home"
    settings_of(home=home, host="salt", salt="master", salt_programs="/nowhere")
    made = Land(home, tmp_path)
    yield made
    for processes in (made.host._processes.processes, *(box.processes for box in made.boxes.values())):
        processes.stop_all()


@pytest.fixture
def bot(land: Land) -> Agent:
    """It began as a process of the control plane, before there were machines."""
    made = create_bot(person("alice"), "my")
    before = steward_of(Processes(configuration().home))
    wait_for(lambda: turn(before, made) is State.ALIVE)
    return made


def says(bot: Agent, text: str) -> int:
    """Have the bot publish a message; returns its sequence."""
    progress = Progress.objects.get(bot=bot)
    address = Address(progress.address, progress.port or 0, progress.ssb_id or "")

    async def publish() -> int:
        async with connect(address, service_keys()) as peer:
            message = await peer.call("publish", {"type": "post", "text": text})
            return int(message["value"]["sequence"])

    return asyncio.run(publish())


def copies(land: Land, bot: Agent) -> list[str]:
    places = {"here": land.host._processes.folder(bot.id)}
    places |= {name: box.folder(bot.id) for name, box in land.boxes.items()}
    return [name for name, folder in places.items() if folder.secret.exists()]


def told(bot: Agent) -> list[tuple[str, str]]:
    entries = JournalEntry.objects.filter(bot_id=bot.id, what__contains="move").order_by("id")
    return [(entry.actor, entry.what) for entry in entries]


def test_from_the_control_plane_to_a_machine_to_another_and_back(land: Land, bot: Agent):
    ssb_id, number = Progress.objects.get(bot=bot).ssb_id, 0
    assert place_of(bot) == "here"
    for to in ("m1", "m2", "here"):
        number = max(number + 1, says(bot, f"on the way to {to}"))
        moved = land.moves(bot, to)
        assert (place_of(moved), moved.progress.ssb_id, moved.progress.move_notice) == (to, ssb_id, "")
        assert says(bot, f"from {to}") == number + 1, "its feed went on where it was"
        number += 1
        land.turn_until(bot, lambda _, to=to: copies(land, bot) == [to])
        land.turn_until(bot, lambda _: not Tombstone.objects.filter(done_at=None).exists())
    assert not OldCopy.objects.exists()
    assert not Transfer.objects.exists()
    assert told(bot)[:4] == [
        ("operator olga", "move"),
        ("steward", "move carrying"),
        ("steward", "move arriving"),
        ("steward", "moved"),
    ]


def test_one_that_cannot_start_there_goes_back_and_says_why(land: Land, bot: Agent):
    says(bot, "I am here")
    land.boxes["m1"].is_full = True
    back = land.moves(bot, "m1")
    assert place_of(back) == "here"
    assert "back on the control plane" in back.progress.move_notice
    assert "No space left" in back.progress.move_notice
    assert says(bot, "and I stay") == 2
    assert copies(land, bot) == ["here"]
    assert told(bot)[-1] == ("steward", "not moved")
    land.boxes["m1"].is_full = False
    assert place_of(land.moves(bot, "m1")) == "m1", "what is left of the first try is no hindrance"


def test_one_that_is_stopped_is_carried_and_its_copy_stays_until_it_runs(land: Land, bot: Agent):
    alice = bot.belongs_to.get().target_agent
    says(bot, "good night")
    stop(alice, bot)
    land.turn_until(bot, lambda now: now.progress.state == State.STOPPED)
    act(OF_BOT["move"], "operator olga", bot, WHY, "m1")
    land.turn_until(bot, lambda now: not is_under_way(now))
    assert (place_of(bot), copies(land, bot), pubs(land)) == ("m1", ["here"], [])
    again = Order(bot.id, True, 99, "127.0.0.1", "127.0.0.1", 9000, "r", False, (), 0)
    with pytest.raises(HostTrouble, match="was moved to a machine"):
        Processes(configuration().home).apply(again)
    assert RemoteReader(configuration().home).export(bot.id, ExportPart.LOG).size > 0, (
        "nor is it away for its owner"
    )
    act(OF_BOT["move"], "operator olga", bot, WHY, "m2")
    land.turn_until(bot, lambda now: not is_under_way(now))
    assert place_of(bot) == "m2"
    start(alice, bots().get(id=bot.id))
    land.turn_until(bot, lambda now: now.progress.state == State.ALIVE)
    assert says(bot, "good morning") == 2
    land.turn_until(bot, lambda _: copies(land, bot) == ["m2"])


def test_data_that_lacks_what_it_said_is_not_taken(land: Land, bot: Agent):
    """Its last messages are cut off while it is stopped. It would not start on such data as a process either."""
    says(bot, "first")
    last = says(bot, "second")
    log = land.host._processes.folder(bot.id).data / "flume" / "log.offset"
    act(OF_BOT["move"], "operator olga", bot, WHY, "m1")
    turn(land.steward, bot)
    wait_for(lambda: not pubs(land))
    with log.open("r+b") as file:
        file.truncate(log.stat().st_size - 20)
    stays = land.turn_until(bot, lambda now: not is_under_way(now) and now.progress.state == State.BROKEN)
    assert "not moved to m1" in stays.progress.move_notice
    assert f"it noted that it had published {last}" in stays.progress.move_notice
    assert (place_of(stays), copies(land, bot)) == ("here", ["here"])


def test_killed_again_and_again_on_the_way_it_arrives_all_the_same(land: Land, bot: Agent):
    chance, host = random.Random(1), land.host

    def dies(*_: object, **__: object) -> None:
        if chance.random() < 0.15:
            raise Killed

    says(bot, "I travel")
    models = (Progress, Placement, OldCopy, Transfer)
    for to in ("m1", "here"):
        act(OF_BOT["move"], "operator olga", bots().get(id=bot.id), WHY, to)
        land.steward = steward_of(Fragile(host, dies), shelved=False)
        for model in models:
            pre_save.connect(dies, model)
            post_save.connect(dies, model)
        try:
            wait_for(lambda: _survives(land, bot))
        finally:
            for model in models:
                pre_save.disconnect(dies, model)
                post_save.disconnect(dies, model)
        land.steward = steward_of(host, shelved=False)
        land.turn_until(bot, lambda now: now.progress.state == State.ALIVE and not is_under_way(now))
        assert place_of(bot) == to
    land.turn_until(bot, lambda _: copies(land, bot) == ["here"])
    assert says(bot, "I am back") == 2


def _survives(land: Land, bot: Agent) -> bool:
    with suppress(Killed):
        return not is_under_way(land.turn(bot))
    assert len(pubs(land)) <= 1
    return False


class Fragile:
    """The host, seen by a steward that may be killed before and after each call."""

    def __init__(self, host: Salt, dies: Callable[[], None]) -> None:
        self._host, self._dies = host, dies

    def look(self, bot_ids: Any) -> Mapping[uuid.UUID, Sighting | Exception]:
        return self._host.look(bot_ids)

    def apply(self, order: Order) -> None:
        self._around(self._host.apply, order)

    def carry(self, *given: Any) -> None:
        self._around(self._host.carry, *given)

    def settle(self, *given: Any) -> None:
        self._around(self._host.settle, *given)

    def go_back(self, *given: Any) -> None:
        self._around(self._host.go_back, *given)

    def abandon(self, *given: Any) -> None:
        self._around(self._host.abandon, *given)

    def forget_copies(self, *given: Any) -> None:
        self._around(self._host.forget_copies, *given)

    def _around(self, call: Callable[..., None], *given: Any) -> None:
        self._dies()
        call(*given)
        self._dies()


def test_where_it_cannot_go_is_said_before_anything_is_stopped(land: Land, bot: Agent, settings_of: Any):
    with pytest.raises(NotDone, match="is already there"):
        act(OF_BOT["move"], "operator olga", bot, WHY, "here")
    with pytest.raises(NotDone, match="There is no machine m9"):
        act(OF_BOT["move"], "operator olga", bot, WHY, "m9")
    Machine.objects.filter(minion_id="m1").update(state="draining")
    with pytest.raises(NotDone, match="draining"):
        act(OF_BOT["move"], "operator olga", bot, WHY, "m1")
    one = Machine.objects.get(minion_id="m1")
    assert other_machine(bot, one).minion_id == "m2"
    Machine.objects.filter(minion_id="m2").update(facts={"diskFree": 1000, "diskTotal": 10_000})
    with pytest.raises(NotDone, match="the disk of m2 has no room"):
        other_machine(bot, one)
    settings_of(host="processes")
    with pytest.raises(NotDone, match="BUTT_HOST=salt"):
        act(OF_BOT["move"], "operator olga", bot, WHY, "m2")
