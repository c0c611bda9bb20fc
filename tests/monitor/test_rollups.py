"""Samples are rolled up into coarser ones, and go when they are old."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db.models import Sum

from butt.agents.models import Agent
from butt.agents.states import State
from butt.figures.models import RolledUp, Sample
from butt.monitor.rollups import prune, roll_up
from tests.figures.history import history, sample
from tests.people import bot_in, person

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def bot() -> Agent:
    return bot_in(State.ALIVE, person("alice"))


def settle(now: datetime) -> int:
    """All that is to be done at `now`; in how many steps."""
    steps = 0
    while roll_up(now) or prune(now):
        steps += 1
        assert steps < 5000
    return steps


def came(resolution: int) -> int:
    return Sample.objects.filter(resolution=resolution).aggregate(sum=Sum("bytes_in"))["sum"] or 0


def test_every_level_tells_of_the_same_bytes_and_only_whole_stretches_are_made(bot: Agent):
    history(bot, NOON, 10, 3 * 360)
    settle(NOON + timedelta(seconds=16))
    assert came(60) == came(3600) == 3 * 360 * 100
    assert Sample.objects.filter(resolution=86400).count() == 0
    assert Sample.objects.filter(resolution=3600).count() == 3
    hour = Sample.objects.filter(resolution=3600).first()
    assert hour is not None
    assert (hour.count, hour.peers_sum, hour.at.minute) == (360, 3 * 360, 0)


def test_what_may_still_come_is_waited_for(bot: Agent):
    history(bot, NOON, 10, 6)
    assert settle(NOON + timedelta(seconds=14)) == 0
    assert settle(NOON + timedelta(seconds=16)) > 0


def test_a_roll_up_that_was_cut_off_before_it_was_marked_is_made_again_alike(bot: Agent):
    history(bot, NOON, 10, 360)
    settle(NOON + timedelta(minutes=1))
    before = list(Sample.objects.order_by("resolution", "at").values_list("resolution", "at", "bytes_in"))
    RolledUp.objects.all().delete()
    settle(NOON + timedelta(minutes=1))
    again = Sample.objects.order_by("resolution", "at").values_list("resolution", "at", "bytes_in")
    assert list(again) == before


def test_old_samples_go_once_they_are_rolled_up_and_days_stay_for_ever(bot: Agent):
    for days_ago in (400, 40, 2, 0):
        history(bot, NOON - timedelta(days=days_ago), 10, 60)
    settle(NOON + timedelta(minutes=2))
    oldest = {r: Sample.objects.filter(resolution=r).order_by("at").first().at for r in (10, 60, 3600, 86400)}  # type: ignore[union-attr]
    assert NOON - oldest[10] < timedelta(hours=1)
    assert NOON - oldest[60] < timedelta(days=1)
    assert NOON - oldest[3600] < timedelta(days=30)
    assert NOON - oldest[86400] > timedelta(days=400)
    assert came(86400) == 3 * 60 * 100, "today is not over yet"


def test_nothing_is_pruned_that_is_not_rolled_up(bot: Agent):
    history(bot, NOON - timedelta(days=9), 10, 60)
    assert prune(NOON) is False
    assert Sample.objects.count() == 60


def test_the_bots_do_not_mix(bot: Agent):
    other = bot_in(State.ALIVE, person("bob"), "bobs")
    minute = NOON - timedelta(minutes=1)
    Sample.objects.bulk_create([sample(bot, minute, 10, 5), sample(other, minute, 10, 7)])
    settle(NOON + timedelta(minutes=1))
    memory = Sample.objects.filter(resolution=60).values_list("bot__name", "memory_high")
    assert dict(memory) == {"my": 5, "bobs": 7}


def test_what_was_marked_by_a_clock_that_was_ahead_is_still_rolled_up(bot: Agent):
    history(bot, NOON, 10, 6)
    settle(NOON + timedelta(minutes=2))
    RolledUp.objects.update(until=NOON + timedelta(days=1))
    settle(NOON + timedelta(minutes=2))
    history(bot, NOON + timedelta(minutes=3), 10, 6)
    settle(NOON + timedelta(minutes=4))
    assert came(60) == 2 * 6 * 100
