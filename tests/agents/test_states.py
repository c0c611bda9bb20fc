from hypothesis import given
from hypothesis import strategies as st

from butt.agents.states import ASKED_IN, MOVES, Action, State


def test_every_state_has_its_moves_and_every_verb_its_states():
    assert set(MOVES) == set(State)
    assert set(ASKED_IN) == set(Action)


@given(st.sampled_from(State))
def test_from_every_state_a_bot_can_come_to_every_lasting_one(start: State):
    """No state is a trap, but for those no one leaves without asking."""
    reached, frontier = {start}, {start}
    while frontier:
        frontier = {after for state in frontier for after in MOVES[state]} - reached
        reached |= frontier
    assert {State.ALIVE, State.STOPPED, State.LEAVING, State.BROKEN} <= reached
