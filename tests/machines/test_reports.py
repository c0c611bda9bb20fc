import json
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from butt.agents.models import Agent, Progress
from butt.machines.models import Machine, Placement, Tombstone
from butt.machines.reports import read_report, take
from tests.machines.machines import machine, placed_bot, report
from tests.people import person, ssb_id

pytestmark = pytest.mark.django_db


def says(on: Machine, **fields: Any) -> None:
    take(on.minion_id, read_report(json.dumps(report(**fields)).encode()))
    on.refresh_from_db()


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda c: st.dictionaries(st.text(), c)
    )
)
def test_any_json_is_a_valid_report_or_refused(value: Any):
    try:
        read_report(json.dumps(value).encode())
    except ValidationError:
        pass


def test_a_report_is_saved_and_wakes_the_steward():
    alices = machine()
    bot = placed_bot(person("alice"), alices)
    later = timezone.now() + timedelta(hours=1)
    Progress.objects.update(due_at=later)
    says(
        alices, bots={str(bot.id): {"launch": 1, "running": True, "ssbId": ssb_id(77)}}, facts={"diskFree": 5}
    )
    placement = Placement.objects.get(bot=bot)
    assert placement.seen["running"] is True
    assert placement.ssb_id == ssb_id(77)
    assert alices.facts["diskFree"] == 5
    assert Progress.objects.get(bot=bot).due_at < later


def test_a_machine_cannot_report_on_anothers_bots():
    mine, other = machine("m1"), machine("m2")
    bot = placed_bot(person("alice"), mine)
    says(other, bots={str(bot.id): {"launch": 1, "running": False, "ssbId": ssb_id(5)}})
    assert Placement.objects.get(bot=bot).seen == {}
    assert other.strangers == [str(bot.id)]


def test_no_machine_takes_another_bots_identity():
    alices, bobs = machine("m1"), machine("m2")
    victim, bot = placed_bot(person("alice"), alices), placed_bot(person("bob"), bobs, "bobs")
    known = Progress.objects.get(bot=victim).ssb_id
    says(bobs, bots={str(bot.id): {"launch": 1, "running": True, "ssbId": known}})
    assert Placement.objects.get(bot=bot).ssb_id is None


def test_an_identity_once_seen_stays():
    alices = machine()
    bot = placed_bot(person("alice"), alices)
    for number in (7, 8):
        says(alices, bots={str(bot.id): {"launch": 1, "running": True, "ssbId": ssb_id(number)}})
    assert Placement.objects.get(bot=bot).ssb_id == ssb_id(7)


def test_a_machine_cannot_report_a_later_generation_than_ordered():
    alices = machine(generation=3)
    says(alices, generation=99)
    assert alices.seen_generation == 3


def test_a_removal_is_done_when_nothing_of_the_bot_is_left():
    alices, gone = machine(generation=4), uuid.uuid4()
    stone = Tombstone.objects.create(machine=alices, bot_id=gone, generation=4)
    still = {str(gone): {"running": False}}
    for there, generation, named in ((still, 4, [gone]), ({}, 3, [gone]), ({}, 4, [])):
        says(alices, generation=generation, bots=there, gone=[str(g) for g in named])
        stone.refresh_from_db()
        assert stone.done_at is None
    says(alices, generation=4, gone=[str(gone)])
    stone.refresh_from_db()
    assert stone.done_at is not None


def test_trouble_ends_only_when_the_machine_has_caught_up():
    alices = machine(generation=2, trouble="It did not answer.")
    says(alices, generation=1)
    assert alices.trouble
    says(alices, generation=2, done=False, troubles=["run it: no image", "run that: no image"])
    assert alices.trouble == "run it: no image"
    says(alices, generation=2, done=False)
    assert alices.trouble
    says(alices, generation=2)
    assert alices.trouble == ""


@pytest.mark.parametrize(
    "wrong",
    [
        {"schema": 2},
        {"complete": False},
        {"generation": -1},
        {"bots": {"x": {"running": True}}},
        {"bots": {str(uuid.uuid4()): {"running": "yes"}}},
        {"bots": {str(uuid.uuid4()): {"running": True, "ssbId": "@x.ed25519"}}},
        {"bots": {str(uuid.uuid4()): {"running": True, "words": "x" * 5000}}},
        {"strangers": ["x"] * 1001},
        {"troubles": ["x"] * 21},
        {"troubles": ["x" * 301]},
        {"facts": {"load": "high"}},
        {"more": 1},
    ],
)
def test_an_invalid_report_is_refused(wrong: dict[str, Any]):
    with pytest.raises(ValidationError):
        read_report(json.dumps({**report(), **wrong}).encode())


def test_a_report_without_a_field_is_refused():
    for name in report():
        with pytest.raises(ValidationError):
            read_report(json.dumps({k: v for k, v in report().items() if k != name}).encode())


def test_deleted_agents_leave_no_orders_behind():
    bot = placed_bot(person("alice"), machine())
    Agent.objects.filter(id=bot.id).delete()
    assert not Placement.objects.exists()
