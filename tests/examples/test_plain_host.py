"""What every host promises, checked for ours and for the example."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from django.db.models.signals import post_save, pre_save

from butt.agents.actions import create_bot, stop
from butt.agents.models import Progress
from butt.agents.states import State
from butt.hosts import Host, HostTrouble, Order
from butt.hosts.local_reader import LocalReader
from butt.parts import HOSTS, part_named
from butt.sources.releases import PUB_SOURCE, Built, build
from tests.lanes import free_ports
from tests.people import person
from tests.service import wait_for
from tests.whole.by_hand import pubs_below, steward_of, turn_until
from tests.whole.test_killed_at_every_step import FragileHost, Killed, Killer

Make = Callable[[], Host]
BOT = uuid.UUID(int=7)


@pytest.fixture
def pub() -> Built:
    return build(PUB_SOURCE)


@pytest.fixture(params=["processes", "plain"])
def make(request: pytest.FixtureRequest, installed: None, tmp_path: Path) -> Iterator[Make]:
    """Makes the host again, as a restarted service does; at the end, everything it runs is stopped."""
    found = part_named(HOSTS, request.param)
    home = tmp_path / "home"
    home.mkdir()

    def made() -> Host:
        host: Host = found.load()(home)
        return host

    yield made
    made().stop_all()
    assert pubs_below(home / "bots") == []


@pytest.fixture
def order(pub: Built) -> Callable[..., Order]:
    (port,) = free_ports(1)

    def write(launch: int = 1, *, run: bool = True) -> Order:
        return Order(BOT, run, launch, "127.0.0.1", "127.0.0.1", port, pub.key, False, (), 0)

    return write


def runs(host: Host) -> bool:
    return host.look([BOT])[BOT].running


def listens(host: Host) -> bool:
    return '"listening"' in LocalReader(host.bots.parent).log(BOT, 10_000)


def the_pub(home: Path) -> psutil.Process:
    (process,) = wait_for(lambda: pubs_below(home / "home" / "bots"))
    return process


def test_repeating_an_order_starts_nothing_twice(make: Make, order, tmp_path: Path):
    host = make()
    host.apply(order())
    first = the_pub(tmp_path)
    host.apply(order())
    make().apply(order())
    assert the_pub(tmp_path) == first
    wait_for(lambda: host.look([BOT])[BOT].ssb_id)
    assert runs(host)


def test_a_new_launch_begins_only_when_the_earlier_has_ended(make: Make, order, tmp_path: Path):
    host = make()
    host.apply(order())
    wait_for(lambda: listens(host))
    first = the_pub(tmp_path)
    seen = {first}

    def replaced() -> bool:
        host.apply(order(launch=2))
        there = pubs_below(tmp_path / "home" / "bots")
        assert len(there) <= 1
        seen.update(there)
        return any(process != first for process in there)

    wait_for(replaced)
    assert not first.is_running()
    assert len(seen) == 2


def test_a_stopped_bot_stays_stopped_and_can_be_destroyed(make: Make, order, tmp_path: Path):
    host = make()
    host.apply(order())
    wait_for(lambda: listens(host))
    with pytest.raises(HostTrouble, match="runs"):
        host.destroy(BOT)
    host.apply(order(run=False))
    host.apply(order(run=False))
    wait_for(lambda: not runs(host))
    assert pubs_below(tmp_path / "home" / "bots") == []
    assert host.look([BOT])[BOT].ended == ""
    host.destroy(BOT)
    host.destroy(BOT)
    assert host.look([BOT]) == {}


@pytest.mark.parametrize("name", ["lost+found", f"{BOT}.bak"])
def test_folders_that_are_not_bots_are_left_alone(make: Make, name: str, tmp_path: Path):
    host = make()
    for folder in (name, str(BOT)):
        (tmp_path / "home" / "bots" / folder).mkdir(parents=True)
    assert list(host.look([BOT])) == [BOT]
    assert (tmp_path / "home" / "bots" / name).is_dir()


def test_a_host_that_was_killed_finds_its_bots_again(make: Make, order, tmp_path: Path):
    make().apply(order())
    first = the_pub(tmp_path)
    again = make()
    assert runs(again)
    again.apply(order())
    assert the_pub(tmp_path) == first


def test_a_bot_that_cannot_run_says_why(make: Make, order, tmp_path: Path):
    host = make()
    (tmp_path / "home" / "bots" / str(BOT) / "data").mkdir(parents=True)
    (tmp_path / "home" / "bots" / str(BOT) / "data" / "secret").write_text("no key")
    host.apply(order())
    sighting = wait_for(lambda: (seen := host.look([BOT])[BOT]).ended and not seen.running and seen)
    assert sighting.exit_code == 67
    assert "secret" in sighting.ended


def test_brought_data_is_taken_over_once(make: Make, tmp_path: Path):
    host, data = make(), tmp_path / "brought"
    data.mkdir()
    (data / "secret").write_text("mine")
    for _ in range(2):
        host.adopt(BOT, data)
    assert not data.exists()
    host.destroy(BOT)
    with pytest.raises(HostTrouble, match="is gone"):
        host.adopt(BOT, data)


@pytest.mark.django_db
def test_a_steward_makes_a_living_bot_on_it_and_stops_it(make: Make):
    steward, alice = steward_of(make()), person("alice")
    bot = create_bot(alice, "my")
    turn_until(State.ALIVE, steward, bot)
    stop(alice, bot)
    turn_until(State.STOPPED, steward, bot)
    assert Progress.objects.get(bot=bot).ssb_id


@pytest.mark.django_db
@pytest.mark.parametrize("make", ["plain"], indirect=True)
@pytest.mark.parametrize("moment", range(9))
def test_a_steward_killed_at_any_step_leaves_one_bot_in_the_end(moment: int, make: Make, tmp_path: Path):
    """`tests/whole` checks the same for our own host."""
    bot, killer = create_bot(person("alice"), "my"), Killer(moment)
    pre_save.connect(killer, Progress)
    post_save.connect(killer, Progress)
    try:
        with suppress(Killed):
            turn_until(State.ALIVE, steward_of(FragileHost(make(), killer)), bot)
    finally:
        pre_save.disconnect(killer, Progress)
        post_save.disconnect(killer, Progress)
    assert next(killer.count) > moment, "the steward was never killed: the bot was made in fewer steps"

    turn_until(State.ALIVE, steward_of(make()), bot)

    assert len(pubs_below(tmp_path / "home" / "bots")) == 1
    assert make().look([bot.id])[bot.id].ssb_id == Progress.objects.get(bot=bot).ssb_id
