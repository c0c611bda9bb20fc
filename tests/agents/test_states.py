from hypothesis import given
from hypothesis import strategies as st

from butt.agents.states import ASKED_IN, MOVES, Action, State


def test_every_state_has_moves_and_every_action_has_states():
    assert set(MOVES) == set(State)
    assert set(ASKED_IN) == set(Action)


@given(st.sampled_from(State))
def test_every_lasting_state_can_be_reached_from_every_state(start: State):
    """No state is a dead end, except those that a bot leaves only when asked."""
    reached, frontier = {start}, {start}
    while frontier:
        frontier = {after for state in frontier for after in MOVES[state]} - reached
        reached |= frontier
    assert {State.ALIVE, State.STOPPED, State.LEAVING, State.BROKEN} <= reached
