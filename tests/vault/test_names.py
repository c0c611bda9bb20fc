"""A log in pieces: whatever was sent twice, merged or listed late, the longest part without a gap is
found.
"""

from hypothesis import given
from hypothesis import strategies as st

from butt.vault.names import LogPiece, chain, pieces_in

LINE = "1700000000000-0123abcd"
SPANS = st.tuples(st.integers(0, 30), st.integers(1, 10)).map(lambda span: (span[0], span[0] + span[1]))


def piece(start: int, end: int) -> LogPiece:
    return LogPiece(LINE, start, end, "0" * 32)


@given(st.lists(SPANS, max_size=20))
def test_the_chain_has_no_gap_and_none_leads_further(spans: list[tuple[int, int]]):
    found = chain(piece(*span) for span in spans)
    ends = [0, *(one.end for one in found)]
    assert all(one.start <= end < one.end for one, end in zip(found, ends, strict=False))
    covered = {byte for start, end in spans for byte in range(start, end)}
    assert ends[-1] == min(set(range(max(covered, default=0) + 2)) - covered)


def test_names_say_what_they_are_and_others_are_ignored():
    one = piece(5, 9)
    assert pieces_in([one.name, "log/x", "blobs/00.age", f"{one.name}.draft"]) == {LINE: [one]}
    assert pieces_in([piece(9, 9).name]) == {}
