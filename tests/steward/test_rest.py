"""Bots at rest are looked at seldom, the more there are the more seldom, so that very many cost what a few do."""

import uuid
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from butt.agents.models import Agent, Progress
from butt.agents.states import State
from butt.hosts import Order, Sighting
from butt.steward.resting import LONGEST_WAIT, MOST_AT_ONCE, RESTS_A_SECOND, average, end
from butt.steward.situation import RESTING
from butt.steward.steward import FURTHEST, Steward
from tests.people import bot_in, many_bots, person

pytestmark = pytest.mark.django_db

times = st.datetimes(datetime(2020, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
counts = st.integers(301, 1_000_000)
"""More than those that are looked at every half minute."""


class AllRun:
    """A host on which each bot is as it should be."""

    def look(self, _: object) -> Mapping[uuid.UUID, Sighting]:
        rows = Progress.objects.values_list("bot_id", "ssb_id", "state")
        return {
            bot_id: Sighting(running=state == State.ALIVE, ssb_id=ssb_id) for bot_id, ssb_id, state in rows
        }

    def apply(self, order: Order) -> None:
        """Nothing to do: the bot already runs as ordered."""


def rest_of(bot: Agent) -> timedelta:
    """How long it takes until the steward looks at the bot again."""
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
    assert 0.5 * each <= rest_of(bot) < 1.5 * each + LONGEST_WAIT + timedelta(seconds=20)


@given(now=times, count=counts)
def test_none_of_many_rests_for_too_short_or_too_long(now: datetime, count: int):
    rest = end(now, count) - now
    assert 0.5 * average(count) <= rest <= 1.5 * average(count) + LONGEST_WAIT
    assert rest <= FURTHEST


@pytest.mark.parametrize("count", [1_000, 10_000, 100_000])
def test_of_many_some_but_never_many_more_than_a_round_takes_come_due_together(count: int):
    now = timezone.now()
    moments = Counter(end(now, count) for _ in range(count))
    assert 5 < count / len(moments) < MOST_AT_ONCE + 1


def test_one_on_trial_is_not_left_alone_for_longer():
    many_bots(person("alice"), 200)
    bot = bot_in(State.ALIVE, person("bob"), "one")
    trial_ends = timezone.now() + timedelta(hours=1)
    Progress.objects.exclude(bot=bot).update(due_at=trial_ends)
    Progress.objects.filter(bot=bot).update(previous="r0", trial_ends=trial_ends)
    assert rest_of(bot) < RESTING + timedelta(seconds=20)
