"""Bots at rest are looked at seldom, the more there are the more seldom, so that very many cost what a few do."""

import uuid
from collections.abc import Mapping
from datetime import timedelta

import pytest
from django.utils import timezone

from butt.agents.models import Agent, Progress
from butt.agents.states import State
from butt.hosts import Order, Sighting
from butt.steward.situation import RESTING
from butt.steward.steward import RESTS_A_SECOND, Steward
from tests.people import bot_in, many_bots, person

pytestmark = pytest.mark.django_db


class AllRun:
    """A host on which each bot is as it should be."""

    def look(self, _: object) -> Mapping[uuid.UUID, Sighting]:
        rows = Progress.objects.values_list("bot_id", "ssb_id", "state")
        return {
            bot_id: Sighting(running=state == State.ALIVE, ssb_id=ssb_id) for bot_id, ssb_id, state in rows
        }

    def apply(self, order: Order) -> None:
        """It runs as ordered already."""


def rest_of(bot: Agent) -> timedelta:
    """How long the steward leaves it alone after a look."""
    Progress.objects.filter(bot=bot).update(due_at=timezone.now() - timedelta(seconds=1))
    before = timezone.now()
    Steward(AllRun(), ()).round()  # type: ignore[arg-type]  # it needs no more of a host
    return Progress.objects.get(bot=bot).due_at - before


@pytest.mark.parametrize("state", [State.ALIVE, State.STOPPED, State.UNPAID])
def test_each_of_a_few_is_looked_at_every_half_minute(state: State):
    assert RESTING <= rest_of(bot_in(state, person("alice"))) < RESTING + timedelta(seconds=20)


@pytest.mark.parametrize("state", [State.ALIVE, State.STOPPED, State.UNPAID])
def test_of_many_each_has_its_turn(state: State):
    many_bots(person("alice"), 200)
    bot = bot_in(state, person("bob"), "one")
    Progress.objects.exclude(bot=bot).update(due_at=timezone.now() + timedelta(hours=1))
    each = timedelta(seconds=201 / RESTS_A_SECOND)
    assert 0.5 * each <= rest_of(bot) < 1.5 * each + timedelta(seconds=20)


def test_one_on_trial_is_not_left_alone_for_longer():
    many_bots(person("alice"), 200)
    bot = bot_in(State.ALIVE, person("bob"), "one")
    trial_ends = timezone.now() + timedelta(hours=1)
    Progress.objects.exclude(bot=bot).update(due_at=trial_ends)
    Progress.objects.filter(bot=bot).update(previous="r0", trial_ends=trial_ends)
    assert rest_of(bot) < RESTING + timedelta(seconds=20)
