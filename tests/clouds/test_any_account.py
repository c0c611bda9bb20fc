"""The same for the stand-in and for the real API: a machine is made, looked at and given back.

It runs at the stand-in, unless the environment holds a key: then at that account, which should be of an empty
project.
"""

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from scaleway_standin import StandIn

from butt.clouds import orphans, rentals
from butt.clouds.interface import CloudEffect, CloudTrouble, Job, ResourceKind, Thing
from butt.clouds.keeper import Keeper
from butt.clouds.models import Rented
from butt.clouds.scaleway import Scaleway
from butt.configuration import Configuration
from tests.clouds.account import at_standin
from tests.service import wait_for

MINUTES = 60.0


@pytest.fixture
def any_cloud(tmp_path: Path) -> Iterator[Scaleway]:
    if os.environ.get("BUTT_SCALEWAY_ACCESS_KEY"):
        yield Scaleway.from_configuration(Configuration(cloud="scaleway"))
        return
    with at_standin(StandIn(tmp_path / "scaleway", dns_zones=("example.org",))) as account:
        account.steer("delays", create_volume=0.2, boot=0.5, stop=0.3, detach=0.3)
        yield account.cloud()


def test_the_key_has_every_right(any_cloud: Scaleway):
    assert [right for right in any_cloud.rights() if right.mend] == []


def test_something_can_be_rented(any_cloud: Scaleway):
    offers = any_cloud.offers()
    assert any(offer.in_stock for offer in offers)
    assert all(offer.memory >= 1 << 30 and offer.monthly > 0 for offer in offers)


def test_removing_something_that_is_gone_is_not_an_error(any_cloud: Scaleway):
    agent, zone = uuid.uuid4(), any_cloud.zones[0]
    for kind in set(ResourceKind) - {ResourceKind.RECORD}:
        gone = Thing(kind, str(uuid.uuid4()), zone, agent, "stopped")
        any_cloud.carry_out(Job(CloudEffect.REMOVE, agent, zone=zone, target=gone))


def test_invalid_requests_are_refused_in_words(any_cloud: Scaleway):
    job = Job(CloudEffect.BOOT, uuid.uuid4(), zone=any_cloud.zones[0], server=str(uuid.uuid4()))
    with pytest.raises(CloudTrouble, match="Scaleway"):
        any_cloud.carry_out(job)


@pytest.mark.django_db
def test_a_machine_is_made_and_given_back(any_cloud: Scaleway):
    agent_id, keeper = uuid.uuid4(), Keeper(any_cloud, lambda *_: b"#cloud-config\n{}\n")
    name = f"try-{agent_id.hex[:8]}"
    rentals.rent(agent_id, bots=1, names=[name])
    try:
        wait_for(
            lambda: keeper.round() and Rented.objects.filter(agent_id=agent_id, state="ready"), 15 * MINUTES
        )
        holding = any_cloud.inventory(any_cloud.zones).of(agent_id)
        rented = Rented.objects.get(agent_id=agent_id)
        kinds = [thing.kind for thing in holding if thing.kind is not ResourceKind.RECORD]
        assert sorted(kinds) == sorted(
            [
                ResourceKind.SERVER,
                ResourceKind.VOLUME,
                ResourceKind.ROOT,
                ResourceKind.ADDRESS4,
                ResourceKind.ADDRESS6,
                ResourceKind.GROUP,
            ]
        )
        (server,) = holding.all(ResourceKind.SERVER)
        assert (server.condition, server.type, server.id) == ("running", rented.type, rented.server_id)
        assert {
            thing.on
            for thing in holding.all(
                ResourceKind.VOLUME, ResourceKind.ROOT, ResourceKind.ADDRESS4, ResourceKind.ADDRESS6
            )
        } == {server.id}
        if any_cloud.domain:
            told = {(r.name, r.type, r.address) for r in holding.all(ResourceKind.RECORD)}
            assert (name, "A", rented.address4) in told
        assert rented.monthly > 1
        assert not [o for o in orphans.orphans(any_cloud) if o.thing.agent_id == agent_id]
    finally:
        rentals.give_back(agent_id)
        wait_for(
            lambda: keeper.round() is not None and not Rented.objects.filter(agent_id=agent_id), 15 * MINUTES
        )
    assert list(any_cloud.inventory(any_cloud.zones).of(agent_id)) == []
