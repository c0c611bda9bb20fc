"""The clock was a day ahead, and is right again: nothing waits for a day."""

import uuid
from collections.abc import Mapping
from datetime import timedelta

import pytest
from django.utils import timezone

from butt.agents.models import Progress
from butt.agents.states import State
from butt.billing.interface import Busy
from butt.billing.leases import leased
from butt.billing.models import Payer
from butt.configuration import configuration
from butt.figures.models import MonitorBeat
from butt.hosts import Order, Sighting
from butt.monitor.membership import Membership
from butt.sources import shelf
from butt.sources.models import Release
from butt.steward.moves import LONGEST_BACK_OFF
from butt.steward.steward import Steward
from tests.people import bot_in, person
from tests.sources.test_actions import shelved

pytestmark = pytest.mark.django_db
A_DAY = timedelta(days=1)


class NoBots:
    """A host on which nothing ever runs."""

    def look(self, _: object) -> Mapping[uuid.UUID, Sighting]:
        return {}

    def apply(self, order: Order) -> None:
        pass


def round_of_a_steward() -> None:
    Steward(NoBots(), ()).round()  # type: ignore[arg-type]


def test_a_bot_that_rested_is_looked_at():
    bot = bot_in(State.STOPPED, person("alice"))
    Progress.objects.filter(bot=bot).update(due_at=timezone.now() + A_DAY)
    round_of_a_steward()
    assert Progress.objects.get(bot=bot).due_at < timezone.now() + timedelta(minutes=1)


def test_one_that_is_only_put_off_is_left_in_peace():
    bot = bot_in(State.STOPPED, person("alice"))
    due_at = timezone.now() + LONGEST_BACK_OFF
    Progress.objects.filter(bot=bot).update(due_at=due_at)
    round_of_a_steward()
    assert Progress.objects.get(bot=bot).due_at == due_at


@pytest.mark.parametrize("state", [State.STARTING, State.BROKEN])
def test_no_deadline_is_further_away_than_it_may_be_put(state: State):
    bot = bot_in(state, person("alice"))
    tomorrow = timezone.now() + A_DAY
    Progress.objects.filter(bot=bot).update(
        deadline=tomorrow, trial_ends=tomorrow, due_at=tomorrow - A_DAY / 2
    )
    round_of_a_steward()
    progress = Progress.objects.get(bot=bot)
    longest = LONGEST_BACK_OFF if state is State.BROKEN else timedelta(seconds=configuration().start_patience)
    assert progress.deadline is None or progress.deadline <= timezone.now() + longest
    assert progress.trial_ends is not None
    assert progress.trial_ends <= timezone.now() + timedelta(seconds=configuration().trial_seconds)


def test_a_build_is_tried_again():
    shelved("aaaa")
    Release.objects.update(state=Release.State.FAILED, due_at=timezone.now() + A_DAY)
    assert shelf.due(timezone.now()) is not None
    Release.objects.update(due_at=timezone.now() + shelf.FURTHEST)
    assert shelf.due(timezone.now()) is None


def test_a_payer_is_free_whom_somebody_held_tomorrow():
    payer = Payer.objects.create(person=person("alice"))
    Payer.objects.update(held_until=timezone.now() + A_DAY)
    with leased(payer), pytest.raises(Busy), leased(payer):
        pass


def test_a_monitor_whose_last_beat_is_of_tomorrow_is_dead():
    membership, other = Membership(), Membership()
    other.beat(watching=0, written=0, lost=0)
    MonitorBeat.objects.update(beat=timezone.now() + A_DAY)
    membership.beat(watching=0, written=0, lost=0)
    assert membership.living == (membership.id,)
