"""Orders in rows, and what may be concluded from a machine's report."""

import json
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from butt.agents.actions import create_bot
from butt.agents.models import Agent
from butt.configuration import configuration
from butt.hosts.interface import HostTrouble, NoRoom, Order, Settled
from butt.hosts.salt.orders import bury, is_settled, write
from butt.machines import import_transfers
from butt.machines.models import Machine, Placement, Tombstone
from butt.machines.pillar import pillar_of
from butt.machines.reports import read_report, take
from tests.machines.machines import machine, report, sighting_of
from tests.people import person, ssb_id

pytestmark = pytest.mark.django_db


@pytest.fixture
def here() -> Machine:
    return machine("m1")


@pytest.fixture
def bot() -> Agent:
    return create_bot(person("alice"), "my")


def order(bot: Agent, **fields: Any) -> Order:
    plain = {"run": True, "launch": 1, "bind": "::", "address": "my.butt.nz", "port": 8100, "release": "r1"}
    return Order(
        **{"bot_id": bot.id, **plain, "masters": ("@x",), "sequence": 0, "on_trial": False, **fields}
    )


def says(generation: int, **bots: Any) -> None:
    """The machine reports; a bot is named by its id, in hexadecimal."""
    said = report(generation, bots={str(uuid.UUID(bot_id)): seen for bot_id, seen in bots.items()})
    take("m1", read_report(json.dumps(said).encode()))


def test_the_same_order_twice_changes_nothing(here: Machine, bot: Agent):
    assert write(order(bot)) == here
    assert write(order(bot)) is None
    assert write(order(bot, sequence=9)) is None, "a bot that runs has its configuration already"
    here.refresh_from_db()
    assert here.generation == 1
    assert write(order(bot, launch=2, sequence=9)) == here
    assert pillar_of("m1")["butt"]["bots"][str(bot.id)]["sequence"] == 9


def test_stopping_a_bot_that_never_ran_needs_no_machine(here: Machine, bot: Agent):
    assert write(order(bot, run=False)) is None
    assert sighting_of(bot.id) is None


def test_a_bot_is_placed_on_its_persons_machine_or_the_emptiest(bot: Agent):
    alice = bot.belongs_to.get().target_agent
    with pytest.raises(NoRoom):
        write(order(bot))
    machine("bobs", person=person("bob"))
    with pytest.raises(NoRoom):
        write(order(bot))
    machine("shared")
    own = machine("own", person=alice)
    assert write(order(bot)) == own


def test_a_bot_counts_as_stopped_only_when_that_very_order_was_carried_out(here: Machine, bot: Agent):
    write(order(bot))
    says(1, **{bot.id.hex: {"launch": 1, "running": True, "ssbId": ssb_id(3)}})
    assert sighting_of(bot.id).running
    assert sighting_of(bot.id).ssb_id == ssb_id(3)
    write(order(bot, run=False))
    says(1, **{bot.id.hex: {"launch": 1, "running": False, "exitCode": 0}})
    assert sighting_of(bot.id).running, "it may be about to start again, for all that is known"
    says(2, **{bot.id.hex: {"launch": 1, "running": False, "exitCode": 0}})
    assert not sighting_of(bot.id).running


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("BUTT_HOME", str(tmp_path))
    configuration.cache_clear()
    yield tmp_path
    monkeypatch.undo()
    configuration.cache_clear()


def test_a_bot_is_settled_if_no_order_of_its_launch_would_change_anything(
    here: Machine, bot: Agent, home: Path
):
    runs = {bot.id.hex: {"launch": 1, "running": True}}
    write(order(bot, disk=2**30))
    says(0)
    assert sighting_of(bot.id).settled() is None, "the machine has not said that it runs"
    says(1, **runs)
    assert sighting_of(bot.id).settled() is None, "its release is not on offer"
    offered = home / "salt" / "files" / "releases" / f"{order(bot).release}.tar.gz"
    offered.parent.mkdir(parents=True)
    offered.touch()
    assert sighting_of(bot.id).settled() == Settled(1, 2**30)
    assert write(order(bot, disk=2**30)) is None
    data = import_transfers.place_of(bot.id) / "data"
    data.mkdir(parents=True)
    assert sighting_of(bot.id).settled() is None, "its data waits here"
    data.rmdir()
    assert sighting_of(bot.id).settled()
    write(order(bot, disk=2**30, launch=2, on_trial=True))
    says(2, **{bot.id.hex: {"launch": 2, "running": True}})
    assert sighting_of(bot.id).settled() is None, "it is on trial"
    assert write(order(bot, disk=2**30, launch=2)) == here
    assert sighting_of(bot.id).settled() == Settled(2, 2**30)


def test_the_end_of_an_earlier_launch_does_not_affect_the_next(here: Machine, bot: Agent):
    write(order(bot))
    ended = {"launch": 1, "running": True, "exitCode": 68, "words": "", "startedAt": "2026-01-01T00:00:00Z"}
    says(1, **{bot.id.hex: ended})
    assert sighting_of(bot.id).ended
    write(order(bot, run=False))
    write(order(bot, launch=2))
    assert not sighting_of(bot.id).ended


def test_the_reason_is_the_bots_own_last_error(here: Machine, bot: Agent):
    write(order(bot))
    line = (
        '{"time": "2026-01-01T00:00:01.000Z", "level": "error", "code": 74, "message": "The disk is full."}'
    )
    says(
        1,
        **{
            bot.id.hex: {
                "launch": 1,
                "running": True,
                "exitCode": 74,
                "words": line,
                "startedAt": "2026-01-01T00:00:00Z",
            }
        },
    )
    seen = sighting_of(bot.id)
    assert (seen.ended, seen.exit_code) == ("The disk is full.", 74)
    says(
        1,
        **{
            bot.id.hex: {
                "launch": 1,
                "running": False,
                "error": "Bind for :::8100 failed: port is already allocated",
            }
        },
    )
    assert sighting_of(bot.id).exit_code == 65
    says(1, **{bot.id.hex: {"launch": 1, "running": True, "exitCode": 1, "restarts": 2}})
    assert not sighting_of(bot.id).ended, "Docker tries it again"


def test_a_bot_that_used_too_much_disk_was_stopped_for_a_reason_in_words(here: Machine, bot: Agent):
    write(order(bot))
    stop = {"used": 100 << 20, "limit": 1 << 20, "most": 65 << 20}
    says(1, **{bot.id.hex: {"launch": 1, "running": False, "exitCode": 74, "diskStop": stop}})
    seen = sighting_of(bot.id)
    assert seen.ended.startswith("It used 100 MiB of disk and may use 1 MiB, so it was stopped.")
    assert seen.exit_code == 74
    stop = {"left": 20 << 20, "needed": 1 << 30}
    says(1, **{bot.id.hex: {"launch": 1, "running": False, "exitCode": 74, "diskStop": stop}})
    assert "left only 20 MiB of its machine's disk free" in sighting_of(bot.id).ended


def test_trouble_of_a_machine_affects_only_unsettled_bots(here: Machine, bot: Agent):
    write(order(bot))
    Machine.objects.update(trouble="It did not answer.")
    with pytest.raises(HostTrouble, match="did not answer"):
        sighting_of(bot.id)
    says(0, **{bot.id.hex: {"launch": 1, "running": True}})
    assert sighting_of(bot.id).running
    Machine.objects.update(seen_at=timezone.now() - timedelta(hours=1))
    with pytest.raises(HostTrouble, match="silent"):
        sighting_of(bot.id)


def test_a_removal_is_done_when_the_machine_says_so(here: Machine, bot: Agent):
    write(order(bot, run=True))
    assert bury(bot.id) == here
    assert bury(bot.id) == here
    assert pillar_of("m1")["butt"]["deleted"] == [str(bot.id)]
    assert pillar_of("m1")["butt"]["bots"] == {}
    Tombstone.objects.update(done_at=datetime.now(UTC))
    assert bury(bot.id) is None
    assert bury(uuid.uuid4()) is None


def test_a_bot_is_settled_when_the_machine_confirmed_it(here: Machine, bot: Agent):
    def settled() -> bool:
        return is_settled(Placement.objects.select_related("machine").get())

    write(order(bot))
    assert not settled()
    says(1, **{bot.id.hex: {"launch": 1, "running": True}})
    assert settled()
    write(order(bot, run=False))
    assert not settled()
    says(2)
    assert settled()


def test_the_end_of_a_trial_changes_nothing_else_of_a_launch(here: Machine, bot: Agent):
    write(order(bot))
    write(order(bot, launch=2, release="r2", on_trial=True))
    told = pillar_of("m1")["butt"]["bots"][str(bot.id)]
    assert (told["release"], told["on_trial"], told["previous"]) == ("r2", True, "r1")
    write(order(bot, launch=3, release="r2", on_trial=True))
    assert pillar_of("m1")["butt"]["bots"][str(bot.id)]["previous"] == "r1", "still the way back"
    assert write(order(bot, launch=3, release="r2", on_trial=True, sequence=7)) is None
    told = pillar_of("m1")["butt"]["bots"][str(bot.id)]
    assert write(order(bot, launch=3, release="r2", sequence=7)) == here
    assert pillar_of("m1")["butt"]["bots"][str(bot.id)] == {**told, "on_trial": False, "previous": ""}
    assert write(order(bot, launch=3, release="r2")) is None


def test_a_bot_that_cannot_start_does_not_hide_that_another_stopped(here: Machine, bot: Agent):
    other = create_bot(person("bob"), "bobs")
    write(order(bot))
    write(order(other, port=8101))
    says(2, **{other.id.hex: {"launch": 1, "running": True}})
    write(order(other, run=False))
    taken = {"launch": 1, "running": False, "error": "port is already allocated"}
    said = report(3, done=False, bots={str(bot.id): taken, str(other.id): {"launch": 1, "running": False}})
    take("m1", read_report(json.dumps(said).encode()))
    Machine.objects.update(trouble="run it: port is already allocated")
    assert not sighting_of(other.id).running
    assert sighting_of(bot.id).ended == "Port 8100 is taken on its machine."
