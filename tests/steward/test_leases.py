"""Several workers share rows, and each row is worked on by one of them."""

from datetime import timedelta

import pytest
from django.utils import timezone

from butt.agents.models import Progress
from butt.agents.states import State
from butt.agents.wake import wake_steward
from butt.leases import claim, come_back, due
from tests.people import bot_in, person

pytestmark = pytest.mark.django_db

NOW = timezone.now()
LEASE = NOW + timedelta(seconds=10)


@pytest.fixture
def rows() -> tuple[Progress, Progress]:
    """The same row, as two workers have read it."""
    bot_in(State.ALIVE, person("alice"))
    return Progress.objects.get(), Progress.objects.get()


def test_only_one_of_two_gets_a_row(rows: tuple[Progress, Progress]):
    mine, other = rows
    assert [claim(mine, "due_at", LEASE), claim(other, "due_at", LEASE)] == [True, False]
    assert claim(mine, "due_at", LEASE + timedelta(seconds=10)), "whoever has it goes on with it"


def test_what_was_asked_for_meanwhile_is_due_at_once(rows: tuple[Progress, Progress]):
    mine, _ = rows
    claim(mine, "due_at", LEASE)
    wake_steward(mine.bot_id)
    come_back(mine, "due_at", LEASE + timedelta(hours=1))
    assert Progress.objects.filter(due("due_at", timezone.now(), timedelta(hours=2))).exists()


def test_a_claim_may_ask_for_more_than_the_moment(rows: tuple[Progress, Progress]):
    mine, _ = rows
    assert not claim(mine, "due_at", LEASE, state=State.BROKEN)
    assert claim(mine, "due_at", LEASE, state=State.ALIVE)


def test_a_time_set_just_after_another_worker_read_the_clock_was_not_set_by_a_wrong_clock(
    rows: tuple[Progress, Progress],
):
    longest = timedelta(seconds=10)
    mine, _ = rows
    claim(mine, "due_at", NOW + timedelta(seconds=1) + longest)
    assert not Progress.objects.filter(due("due_at", NOW, longest)).exists()
