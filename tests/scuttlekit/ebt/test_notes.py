import pytest
from hypothesis import given
from hypothesis import strategies as st

from scuttlekit.ebt import MAX_SEQUENCE, NOT_REPLICATED, note, read_notes
from tests.scuttlekit.ebt.society import feed
from tests.scuttlekit.peers import few

A, B = feed(1), feed(2)


@pytest.mark.parametrize(
    ("sequence", "wants", "text"),
    [(0, True, 0), (0, False, 1), (1, True, 2), (450, True, 900), (450, False, 901)],
)
def test_notes_are_written_as_the_others_write_them(sequence, wants, text):
    assert note(sequence, wants=wants) == text
    assert read_notes({A: text}, 9) == {A: text}


def test_ids_that_are_not_feeds_are_skipped():
    assert read_notes({A: 2, "@x.ed25519": 2, "%" + A[1:]: 2, "": 3, f"{A}\n": 2}, 9) == {A: 2}


@pytest.mark.parametrize("told", [-1, -2, None, "2", 1.5, True, [], {}, -(2**70)])
def test_an_invalid_note_means_not_replicated(told):
    assert read_notes({A: told}, 9) == {A: NOT_REPLICATED}


def test_a_note_is_never_more_than_others_can_count():
    assert read_notes({A: 2**80, B: 2**80 + 1}, 9) == {A: MAX_SEQUENCE << 1, B: MAX_SEQUENCE << 1 | 1}


def test_the_number_of_notes_is_bounded():
    assert read_notes({feed(number): 0 for number in range(50)}, 9) == {
        feed(number): 0 for number in range(9)
    }


def test_a_clock_may_be_wrapped_in_an_object():
    assert read_notes({"clock": {A: 2}, "id": B}, 9) == {A: 2}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([A, B, "clock", "x"]), inner, max_size=4)
    ),
    max_leaves=8,
)


@few
@given(json_values)
def test_anything_gives_notes_or_nothing(value):
    notes = read_notes(value, 3)
    assert (notes is None) == (not isinstance(value, dict))
    for one, told in (notes or {}).items():
        assert one in {A, B}
        assert -1 <= told <= 2**31 - 1
