from hypothesis import given
from hypothesis import strategies as st

from scuttlekit.ebt.pile import MOST_BY_NUMBER, Pile
from tests.scuttlekit.peers import few

steps = st.lists(
    st.tuples(st.just("grow"), st.integers(1, 400))
    | st.tuples(st.just("add"), st.floats(0, 1, exclude_max=True))
    | st.tuples(st.just("add many"), st.integers(1, 600))
    | st.tuples(st.just("take"), st.integers(1, 700)),
    max_size=20,
)


@few
@given(st.integers(1, 300), st.booleans(), steps)
def test_whatever_is_added_is_given_later_and_it_never_takes_much_room(size, full, steps):
    feeds = [""] * size
    pile = Pile(feeds, full=full)
    waiting = set(range(size)) if full else set()
    for what, value in steps:
        if what == "grow":
            feeds += [""] * value
        elif what == "add":
            pile.add(int(value * len(feeds)))
            waiting.add(int(value * len(feeds)))
        elif what == "add many":
            for number in range(min(value, len(feeds))):
                pile.add(number)
                waiting.add(number)
        else:
            for count, number in enumerate(pile.take(), 1):
                waiting.discard(number)
                if count == value:
                    break
        assert len(pile._few) <= MOST_BY_NUMBER
    given_now = list(pile.take())
    assert waiting <= set(given_now)
    assert len(given_now) <= 2 * len(feeds)
    assert list(pile.take()) == []
