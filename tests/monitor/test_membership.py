"""Several monitors share the bots, and all agree how."""

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from butt.figures.models import MonitorBeat
from butt.monitor.membership import Membership, watcher_of

monitors = st.lists(st.uuids(), min_size=2, max_size=5, unique=True)


@given(st.uuids(), monitors, st.randoms())
def test_all_agree_who_watches_a_bot(bot: uuid.UUID, living: list[uuid.UUID], chance: object):
    shuffled = list(living)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    assert watcher_of(bot, living) == watcher_of(bot, shuffled)


@given(st.lists(st.uuids(), max_size=20), monitors)
def test_of_a_monitor_that_dies_only_its_own_bots_move(bots: list[uuid.UUID], living: list[uuid.UUID]):
    for bot in bots:
        before, after = watcher_of(bot, living), watcher_of(bot, living[1:])
        assert before in (after, living[0])


def test_three_monitors_have_a_third_each():
    living = [uuid.uuid4() for _ in range(3)]
    shares = [watcher_of(uuid.uuid4(), living) for _ in range(3000)]
    assert all(800 < shares.count(monitor) < 1200 for monitor in living)


@pytest.mark.django_db
def test_who_has_not_beaten_for_long_is_taken_for_dead():
    first, second = Membership(), Membership()
    for membership in (first, second, first):
        membership.beat(watching=0, written=0, lost=0)
    assert set(first.living) == set(second.living) == {first.id, second.id}
    assert first.leads != second.leads
    MonitorBeat.objects.filter(id=second.id).update(beat="2020-01-01T00:00Z")
    first.beat(watching=0, written=0, lost=0)
    assert first.living == (first.id,)
    assert first.leads
    assert not MonitorBeat.objects.filter(id=second.id).exists()
