"""What is on the bill and belongs to nobody."""

import uuid

import pytest

from butt.clouds import orphans, rentals
from butt.clouds.keeper import Keeper
from butt.clouds.models import Rented, WantedMachine
from butt.clouds.scaleway import Scaleway
from tests.clouds.account import Account, turn_until
from tests.clouds.conftest import ALICE

pytestmark = pytest.mark.django_db

BOB = uuid.UUID("b0b00000-0000-4000-8000-000000000000")


@pytest.fixture
def two_machines(keeper: Keeper) -> None:
    for agent_id, name in ((ALICE, "my"), (BOB, "your")):
        rentals.rent(agent_id, bots=1, names=[name])
        turn_until("ready", keeper, agent_id)


@pytest.mark.usefixtures("two_machines")
def test_an_account_without_unknown_resources_has_no_orphans(cloud: Scaleway):
    assert orphans.orphans(cloud) == []


@pytest.mark.usefixtures("two_machines")
def test_orphans_are_listed_with_their_price_and_removed_on_request(account: Account, cloud: Scaleway):
    WantedMachine.objects.filter(agent_id=BOB).delete()
    Rented.objects.filter(agent_id=BOB).delete()
    found = orphans.orphans(cloud)
    assert {orphan.thing.agent_id for orphan in found} == {BOB}
    assert len(found) == 8
    (server,) = [orphan for orphan in found if orphan.thing.kind == "server"]
    assert str(server).endswith(f"(fr-par-1), 0.44 € a month: agent {BOB} has no machine")
    assert len(account.has()["server"]) == 2, "telling removes nothing"

    for _ in range(4):  # What another resource holds is removed once that one is gone.
        list(orphans.remove(cloud, orphans.orphans(cloud)))
        account.standin.world.settle()
    assert orphans.orphans(cloud) == []
    (left,) = account.has()["server"]
    assert f"butt-agent={ALICE}" in left["tags"]


@pytest.mark.usefixtures("two_machines")
def test_a_former_zone_is_looked_at_while_somebody_is_there(account: Account):
    WantedMachine.objects.filter(agent_id=BOB).delete()
    found = orphans.orphans(account.cloud(zones="nl-ams-1"))
    assert {orphan.thing.agent_id for orphan in found if orphan.thing.zone == "fr-par-1"} == {BOB}


def test_resources_that_are_not_ours_are_ignored(account: Account, cloud: Scaleway):
    cloud._instances.create_ip(zone="fr-par-1", type_="routed_ipv4", tags=["somebody's"])
    assert orphans.orphans(cloud) == []
    assert len(account.has()["ip"]) == 1


def test_data_without_an_owner_is_left_to_a_person(account: Account, cloud: Scaleway):
    from scaleway.block.v1 import CreateVolumeRequestFromEmpty

    cloud._blocks.create_volume(
        zone="fr-par-1", tags=["butt"], from_empty=CreateVolumeRequestFromEmpty(size=10**10)
    )
    ((_, trouble),) = orphans.remove(cloud, orphans.orphans(cloud))
    assert "by hand" in trouble
    assert len(account.has()["volume"]) == 1
