import pytest
from hypothesis import given
from hypothesis import strategies as st

from butt.agents.effective_state import effective_state
from butt.agents.models import Agent, Observed, Progress, Wanted
from butt.agents.states import State


def bot(
    state: State,
    *,
    run: bool = True,
    asked: int = 0,
    alive: bool = True,
    answered: int = 1,
    paid: bool = True,
) -> Agent:
    agent = Agent(type="bot", name="my")
    agent.wanted = Wanted(run=run, restarts=asked, paid=paid)
    agent.progress = Progress(state=state, launch=1)
    agent.observed = Observed(alive=alive, launch=answered)
    return agent


@pytest.mark.parametrize(
    ("bot_so", "shown"),
    [
        (bot(State.ALIVE), State.ALIVE),
        (bot(State.ALIVE, run=False), State.STOPPING),
        (bot(State.ALIVE, asked=1), State.STOPPING),
        (bot(State.ALIVE, alive=False), State.STARTING),
        (bot(State.ALIVE, answered=0), State.STARTING),
        (bot(State.STOPPED, run=False), State.STOPPED),
        (bot(State.STOPPED), State.STARTING),
        (bot(State.BROKEN, asked=1), State.STOPPING),
        (bot(State.BROKEN), State.BROKEN),
        (bot(State.ALIVE, paid=False), State.STOPPING),
        (bot(State.STOPPED, paid=False), State.UNPAID),
        (bot(State.UNPAID, paid=False), State.UNPAID),
        (bot(State.UNPAID), State.STARTING),
        (bot(State.UNPAID, run=False), State.STOPPED),
    ],
)
def test_a_click_shows_at_once_and_observations_outweigh_the_saved_state(bot_so: Agent, shown: State):
    assert effective_state(bot_so) is shown


@given(st.sampled_from(State), st.booleans(), st.integers(0, 2), st.booleans(), st.integers(0, 2))
def test_a_bot_that_does_not_answer_is_never_shown_alive(
    state: State, run: bool, asked: int, alive: bool, answered: int
):
    agent = bot(state, run=run, asked=asked, alive=alive, answered=answered)
    if effective_state(agent) is State.ALIVE:
        assert alive
        assert answered == 1
        assert run
