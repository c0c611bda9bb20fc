"""Machines that really boot: the data moves from a dead one to the next, and there are never two."""

import os
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import scaleway_standin
from scaleway_standin import StandIn

from butt.clouds import rentals
from butt.clouds.keeper import Keeper
from butt.clouds.models import Rented
from tests.clouds.account import Account, at_standin, turn, turn_until, turn_until_gone
from tests.clouds.conftest import ALICE
from tests.service import wait_for

pytestmark = pytest.mark.django_db

STANDIN = Path(scaleway_standin.__file__).parents[1]
BOOT = f"env PYTHONPATH={STANDIN} {sys.executable} -m scaleway_standin.boot --mount 1=/var/lib/butt --while {os.getpid()}"
DATA = "/var/lib/butt" if os.geteuid() == 0 else "../volumes/1"

# Each boot writes a line on the volume, and a heartbeat shows who writes there now.
DIARY = f"""#cloud-config
runcmd:
- "echo $INSTANCE_ID >> {DATA}/boots"
- "(while true; do echo $INSTANCE_ID > {DATA}/beat; sleep 0.1; done) &"
"""


@pytest.fixture
def alive(tmp_path: Path) -> Iterator[Account]:
    with at_standin(StandIn(tmp_path / "scaleway", boot=BOOT, dns_zones=("example.org",))) as account:
        yield account


def volume(account: Account, rented: Rented) -> Path:
    return account.standin.world.folder / "volumes" / rented.volume_id


def booted(account: Account, keeper: Keeper) -> Rented:
    rented = turn_until("ready", keeper, ALICE)
    beat = volume(account, rented) / "beat"
    wait_for(lambda: beat.exists() and beat.read_text().strip() == rented.server_id)
    return rented


def machines(account: Account) -> list[str]:
    """The servers whose machine is running."""
    folder = account.standin.world.folder / "machines"
    return [path.name for path in folder.iterdir() if account.standin.machines.is_running(path.name)]


def test_the_data_of_a_dead_machine_is_on_the_next_one(alive: Account):
    keeper = alive.keeper(document=lambda *_: DIARY.encode())
    rentals.rent(ALICE, bots=1, names=["my"])
    first = booted(alive, keeper)
    alive.steer("destroy", server=first.server_id)
    assert machines(alive) == []
    turn_until("replacing", keeper, ALICE)
    second = booted(alive, keeper)
    assert (volume(alive, second) / "boots").read_text().split() == [first.server_id, second.server_id]
    assert machines(alive) == [second.server_id]
    rentals.give_back(ALICE)
    turn_until_gone(keeper, ALICE)
    assert machines(alive) == []


def test_a_machine_that_is_replaced_has_ended_before_the_next_begins(alive: Account):
    keeper = alive.keeper(document=lambda *_: DIARY.encode())
    rentals.rent(ALICE, bots=1, names=["my"])
    first = booted(alive, keeper)
    alive.steer("delays", stop=0.5, detach=0.5, boot=0.3)
    rentals.replace(ALICE)
    seen: set[tuple[str, ...]] = set()

    def replaced() -> bool:
        turn(keeper)
        seen.add(tuple(machines(alive)))
        rented = Rented.objects.get(agent_id=ALICE)
        return rented.state == "ready" and rented.server_id != first.server_id

    wait_for(replaced)
    assert max(map(len, seen)) == 1
    assert () in seen


def test_two_keepers_do_not_take_the_same_machine(account: Account, keeper: Keeper):
    rentals.rent(uuid.uuid4(), bots=1, names=["my"])

    class Nosy:
        """While one keeper looks, another one runs a round."""

        makes_machines, zones, domain = True, keeper._cloud.zones, keeper._cloud.domain
        others: list[bool] = []

        def inventory(self, zones: list[str]) -> object:
            self.others.append(account.keeper().round())
            return keeper._cloud.inventory(zones)

        def offers(self) -> object:
            return keeper._cloud.offers()

        def device(self, volume_id: str) -> str:
            return keeper._cloud.device(volume_id)

    assert account.keeper(Nosy()).round()
    assert Nosy.others == [False]
