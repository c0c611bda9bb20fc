"""A real bot whose payment is due: it stops, keeps its data, and comes back as the same bot once it is
paid.
"""

import uuid
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from butt.agents.actions import create_bot, restore
from butt.agents.effective_state import effective_state
from butt.agents.models import Agent, Progress, Wanted
from butt.agents.states import State
from butt.billing.subscriptions import Subscriptions
from butt.hosts.processes import Processes
from tests.billing.conftest import clock, gateway, house, settings_with, stand_in  # noqa: F401 - fixtures
from tests.billing.stripes import GOOD, StandIn, quantity_of
from tests.people import person
from tests.whole.by_hand import pubs_below, steward_of, turn_until


def state_of(bot: Agent) -> State:
    return effective_state(Agent.objects.select_related("wanted", "progress", "observed").get(id=bot.id))


@pytest.mark.django_db
def test_an_unpaid_bot_stops_leaves_and_comes_back(
    host: Processes,
    tmp_path: Path,
    house: Subscriptions,  # noqa: F811
    stand_in: StandIn,  # noqa: F811
):
    alice, steward = person(f"alice-{uuid.uuid4().hex[:12]}"), steward_of(host)
    stand_in.enters(GOOD, alice, house)
    bot = create_bot(alice, "my")
    turn_until(State.ALIVE, steward, bot)
    before = Progress.objects.get(bot=bot)
    now = timezone.now()
    house.round(now)
    stand_in.charge_fails(alice, house)

    house.round(now := now + timedelta(days=1))
    turn_until(State.ALIVE, steward, bot)
    house.round(now := now + timedelta(days=7))
    assert state_of(bot) is State.STOPPING
    turn_until(State.UNPAID, steward, bot)
    assert pubs_below(tmp_path / "bots") == []
    assert (tmp_path / "bots" / str(bot.id) / "data" / "secret").exists()

    stand_in.enters(GOOD, alice, house)
    house.round(now)
    assert state_of(bot) is State.STARTING
    turn_until(State.ALIVE, steward, bot)
    assert Progress.objects.get(bot=bot).ssb_id == before.ssb_id

    stand_in.charge_fails(alice, house)
    for days in (1, 7, 30):
        house.round(now := now + timedelta(days=days))
    turn_until(State.LEAVING, steward, bot)
    stand_in.enters(GOOD, alice, house)
    restore(alice, Agent.objects.get(id=bot.id))
    house.round(now)
    assert Wanted.objects.get(bot=bot).paid
    turn_until(State.ALIVE, steward, bot)
    assert Progress.objects.get(bot=bot).ssb_id == before.ssb_id
    assert [quantity_of(each) for each in stand_in.subscriptions_of(alice)] == [1]
