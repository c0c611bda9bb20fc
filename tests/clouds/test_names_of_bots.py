"""The DNS records of a machine's bots."""

import uuid
from dataclasses import replace

from butt.clouds.interface import CloudEffect, ResourceKind, Thing
from butt.clouds.moves import RECORDS_AT_ONCE, decide
from butt.clouds.situation import MachineSituation
from tests.clouds.test_moves import well

ALICE = uuid.UUID("a11ce000-0000-4000-8000-000000000000")


def with_names(at: MachineSituation, count: int) -> MachineSituation:
    at.wanted.names = [f"bot{number:04}" for number in range(count)]
    return replace(at, policy=replace(at.policy, domain="example.org"))


def test_every_name_gets_its_record_however_many_bots():
    at, asked = with_names(well(), 3 * RECORDS_AT_ONCE), 0
    while (move := decide(at)).effect is CloudEffect.SET_RECORDS:
        assert len(move.records) <= RECORDS_AT_ONCE
        asked += 1
        set_ = [
            Thing(
                ResourceKind.RECORD, f"{name} {type_}", "dns", ALICE, type=type_, name=name, address=address
            )
            for name, type_, address in move.records
        ]
        at = replace(at, has=replace(at.has, things=(*at.has.things, *set_)))
    assert asked == 6
    assert {record.name for record in at.has.all(ResourceKind.RECORD)} == set(at.wanted.names)
