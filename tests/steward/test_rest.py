"""Bots at rest are looked at seldom, the more there are the more seldom, so that very many cost what a few do."""

import uuid
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from butt.agents.models import Agent, Observed, Progress, Wanted
from butt.agents.states import State
from butt.hosts import Order, Settled, Sighting
from butt.steward.resting import LONGEST_WAIT, MOST_AT_ONCE, RESTS_A_SECOND, average, end
from butt.steward.situation import RESTING
from butt.steward.steward import FURTHEST, Steward
from tests.people import bot_in, many_bots, person

pytestmark = pytest.mark.django_db

times = st.datetimes(datetime(2020, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
counts = st.integers(301, 1_000_000)
"""More than those that are looked at every half minute."""


class AllRun:
    """A host on which each bot is as it should be, except for what `changes` says of it."""

    def __init__(self, **changes: Any) -> None:
        self._changes = changes
        self.ordered: list[Order] = []

    def look(self, _: object) -> Mapping[uuid.UUID, Sighting]:
        rows = Progress.objects.values_list("bot_id", "ssb_id", "state", "launch")
        return {
            bot_id: replace(
                Sighting(state == State.ALIVE, ssb_id=ssb_id, settled=partial(Settled, launch, 0)),
                **self._changes,
            )
            for bot_id, ssb_id, state, launch in rows
        }

    def apply(self, order: Order) -> None:
        """It already runs as ordered."""
        self.ordered.append(order)


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


@pytest.fixture
def resting() -> list[uuid.UUID]:
    """As many bots as a round takes. All of them are due."""
    many_bots(person("alice"), MOST_AT_ONCE)
    Progress.objects.update(due_at=timezone.now() - timedelta(seconds=1))
    return list(Progress.objects.values_list("bot_id", flat=True))


def look_at_all(host: AllRun) -> None:
    assert Steward(host, ()).round()  # type: ignore[arg-type]  # it needs no more of a host


def test_bots_at_rest_take_a_handful_of_statements_together(
    resting: list[uuid.UUID], django_assert_max_num_queries: Any
):
    host = AllRun()
    with django_assert_max_num_queries(8 + MOST_AT_ONCE):
        look_at_all(host)
    assert host.ordered == []
    assert not Progress.objects.filter(due_at__lt=timezone.now() + RESTING / 2).exists()


@pytest.mark.parametrize(
    "changes",
    [{"settled": lambda: None}, {"settled": lambda: Settled(2, 0)}, {"settled": lambda: Settled(1, 5)}],
    ids=["not carried out", "another launch", "another limit"],
)
def test_one_that_may_not_run_as_it_should_is_ordered_to(resting: list[uuid.UUID], changes: dict[str, Any]):
    host = AllRun(**changes)
    look_at_all(host)
    assert {order.bot_id for order in host.ordered} == {*resting}


def test_one_whose_limit_was_changed_is_told_of_it(resting: list[uuid.UUID]):
    changed = resting[0]
    Wanted.objects.filter(bot=changed).update(limits={"disk": 2**30})
    host = AllRun()
    look_at_all(host)
    assert [(order.bot_id, order.disk) for order in host.ordered] == [(changed, 2**30)]


@pytest.mark.parametrize(
    ("changes", "state"),
    [({"ended": "It was killed."}, State.BROKEN), ({"running": False}, State.STARTING)],
    ids=["given up", "gone"],
)
def test_one_that_ended_while_nobody_said_so_is_found(
    resting: list[uuid.UUID], changes: dict[str, Any], state: State
):
    look_at_all(AllRun(**changes))
    assert {*Progress.objects.values_list("state", flat=True)} == {state}


def test_one_that_no_longer_answers_is_found(resting: list[uuid.UUID]):
    silent = resting[3]
    Observed.objects.filter(bot=silent).update(alive=False)
    look_at_all(AllRun())
    assert list(Progress.objects.exclude(state=State.ALIVE).values_list("bot_id", flat=True)) == [silent]


def test_one_that_another_steward_took_meanwhile_is_left_to_it(resting: list[uuid.UUID]):
    later = timezone.now() + timedelta(seconds=10)

    class Slow(AllRun):
        def look(self, ids: object) -> Mapping[uuid.UUID, Sighting]:
            seen = super().look(ids)
            Progress.objects.update(due_at=later)
            return seen

    assert not Steward(Slow(), ()).round()  # type: ignore[arg-type]
    assert {*Progress.objects.values_list("due_at", flat=True)} == {later}


def test_one_on_trial_is_not_left_alone_for_longer():
    many_bots(person("alice"), 200)
    bot = bot_in(State.ALIVE, person("bob"), "one")
    trial_ends = timezone.now() + timedelta(hours=1)
    Progress.objects.exclude(bot=bot).update(due_at=trial_ends)
    Progress.objects.filter(bot=bot).update(previous="r0", trial_ends=trial_ends)
    assert rest_of(bot) < RESTING + timedelta(seconds=20)
