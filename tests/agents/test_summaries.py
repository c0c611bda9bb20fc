import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from butt.agents.bots import bots_of
from butt.agents.models import Observed, Progress, Wanted
from butt.agents.states import State
from butt.agents.summaries import summarise
from butt.agents.view import View
from butt.public.live import mark, status_mark
from tests.people import bot_in, person


class TestALineOfABot(TestCase):
    @given(
        st.sampled_from(State),
        st.booleans(),
        st.integers(0, 2),
        st.integers(0, 2),
        st.booleans(),
        st.text("ab", max_size=3),
        st.booleans(),
    )
    @settings(max_examples=40)
    def test_a_summary_shows_the_same_as_the_whole_bot(
        self,
        state: State,
        run: bool,
        restarts: int,
        upgrades: int,
        alive: bool,
        notice: str,
        catching_up: bool,
    ):
        alice = person("alice")
        bot = bot_in(state, alice)
        Wanted.objects.filter(bot=bot).update(run=run, restarts=restarts, upgrades=upgrades)
        Progress.objects.filter(bot=bot).update(notice=notice)
        Observed.objects.filter(bot=bot).update(alive=alive, at="2026-01-01T00:00Z", catching_up=catching_up)
        (whole,), (line,) = bots_of(alice), summarise(bots_of(alice))
        assert View(line).state == View(whole).state
        assert mark([View(line)]) == mark([View(whole)])
        assert status_mark(View(line)) == status_mark(View(whole))


@pytest.mark.django_db
def test_a_missing_field_is_an_error_and_never_a_guess():
    alice = person("alice")
    bot_in(State.ALIVE, alice)
    (line,) = summarise(bots_of(alice))
    with pytest.raises(AttributeError):
        assert View(line).disk
