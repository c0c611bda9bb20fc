"""A cloud of machines in an attic: found by its name, used by the keeper, killed at each step.

Its power switch is a small script here, and a machine that is on is a process that has its volume open.
"""

import uuid
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest

from butt.clouds import chosen_cloud, orphans, rentals
from butt.clouds.interface import CloudEffect, CloudTrouble, Job, OutOfStock, ResourceKind
from butt.clouds.keeper import Keeper
from butt.configuration import configuration
from tests.clouds.account import plain, turn_until, turn_until_gone
from tests.clouds.test_killed_anywhere import Fragile, live_and_let_die

pytestmark = pytest.mark.django_db
AGENT = uuid.UUID(int=7)
SWITCH = """#!/bin/sh
set -e
cd "$2"
is_on() { [ -e pid ] && kill -0 "$(cat pid)" 2>/dev/null; }
case "$1" in
  on) is_on || { sleep 600 <&- >volume/open 2>&1 & echo $! >pid; } ;;
  off) ! is_on || { kill "$(cat pid)"; while is_on; do sleep 0.01; done; } ;;
  is-on) is_on ;;
esac
"""


@pytest.fixture
def attic(installed: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    switch = tmp_path / "attic-switch"
    switch.write_text(SWITCH)
    switch.chmod(0o700)
    for name, value in {
        "BUTT_HOME": str(tmp_path / "home"),
        "BUTT_CLOUD": "attic",
        "BUTT_SNAPSHOTS": "0",
        "ATTIC_SWITCH": str(switch),
    }.items():
        monkeypatch.setenv(name, value)
    configuration.cache_clear()
    yield chosen_cloud()
    for process in running(tmp_path):
        process.kill()
    monkeypatch.undo()
    configuration.cache_clear()


def running(below: Path) -> list[psutil.Process]:
    """Every machine that is on."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.cwd().startswith(str(below)):
                found.append(process)
    return found


def keeper_of(cloud: Any) -> Keeper:
    return Keeper(cloud, plain, timedelta(0))


def holding(attic: Any) -> list[ResourceKind]:
    return sorted(thing.kind for thing in attic.inventory(attic.zones).of(AGENT))


def test_it_says_what_is_missing(attic: Any, monkeypatch: pytest.MonkeyPatch):
    assert [right.mend for right in attic.rights()] == [""]
    monkeypatch.setenv("ATTIC_SWITCH", "nobody-home")
    assert [right.mend for right in chosen_cloud().rights()] == [
        "Set ATTIC_SWITCH: there is no command “nobody-home”."
    ]


def test_a_machine_is_switched_on_with_its_volume_replaced_and_given_back(attic: Any, tmp_path: Path):
    keeper = keeper_of(attic)
    rentals.rent(AGENT, bots=1, names=["my"])
    rented = turn_until("ready", keeper, AGENT)
    assert holding(attic) == sorted(
        [
            ResourceKind.SERVER,
            ResourceKind.VOLUME,
            ResourceKind.ADDRESS4,
            ResourceKind.ADDRESS6,
            ResourceKind.GROUP,
        ]
    )
    (machine,) = running(tmp_path)
    place = Path(machine.cwd())
    assert (place / "cloud-init").read_bytes() == plain(AGENT, attic.device(rented.volume_id))
    assert (place / "volume").resolve().name == rented.volume_id
    assert (rented.address4, rented.address6) == ("192.168.7.1", "fd00:a771:c::1")
    (place / "volume/log").write_text("all that was said")

    rentals.replace(AGENT)
    turn_until("ready", keeper, AGENT)
    (other,) = running(tmp_path)
    assert Path(other.cwd()) != place
    assert Path(other.cwd(), "volume/log").read_text() == "all that was said"

    rentals.give_back(AGENT)
    turn_until_gone(keeper, AGENT)
    assert holding(attic) == [] == running(tmp_path)
    assert [path.name for path in (tmp_path / "home/attic").iterdir()] == ["lock"]
    assert list(orphans.orphans(attic)) == []


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_keeper_killed_at_each_step_leaves_one_of_each_then_nothing(attic: Any, tmp_path: Path, when: str):
    fragile = Fragile(attic, dict.fromkeys(range(0, 60, 2), when))
    rentals.rent(AGENT, bots=1, names=["my"])
    for trouble in (lambda: None, lambda: rentals.replace(AGENT)):
        trouble()
        live_and_let_die(lambda: keeper_of(fragile), "ready", AGENT)
        assert len(running(tmp_path)) == 1
        assert holding(attic) == sorted(
            [
                ResourceKind.SERVER,
                ResourceKind.VOLUME,
                ResourceKind.ADDRESS4,
                ResourceKind.ADDRESS6,
                ResourceKind.GROUP,
            ]
        )
    rentals.give_back(AGENT)
    live_and_let_die(lambda: keeper_of(fragile), "gone", AGENT)
    assert holding(attic) == [] == running(tmp_path)


def test_a_volume_is_on_only_one_machine(attic: Any):
    for effect in (CloudEffect.MAKE_VOLUME, CloudEffect.MAKE_SERVER, CloudEffect.MAKE_SERVER):
        attic.carry_out(Job(effect, AGENT))
    has = attic.inventory(attic.zones).of(AGENT)
    (volume,), (one, other) = has.all(ResourceKind.VOLUME), has.all(ResourceKind.SERVER)
    attic.carry_out(Job(CloudEffect.ATTACH_VOLUME, AGENT, server=one.id, volume=volume.id))
    with pytest.raises(CloudTrouble, match="on another machine"):
        attic.carry_out(Job(CloudEffect.ATTACH_VOLUME, AGENT, server=other.id, volume=volume.id))
    with pytest.raises(CloudTrouble, match="on a machine"):
        attic.carry_out(Job(CloudEffect.REMOVE, AGENT, target=volume))


def test_when_all_machines_are_taken_the_person_waits_and_sees_why(attic: Any):
    for _ in range(attic.machines):
        attic.carry_out(Job(CloudEffect.MAKE_SERVER, uuid.uuid4()))
    with pytest.raises(OutOfStock, match="All machines in the attic are taken"):
        attic.carry_out(Job(CloudEffect.MAKE_SERVER, AGENT))
