"""Walking a log: any prefix is accepted up to its last whole record, and damage is never taken for the
end.
"""

import io

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from scuttlekit import offsetlog
from scuttlekit.offsetlog import LONGEST_RECORD, Survey, survey
from tests.scuttlekit.logs import log_of, message, record
from tests.scuttlekit.peers import few

ALICE, BOB = f"@{'a' * 43}=.ed25519", f"@{'b' * 43}=.ed25519"

contents = st.lists(
    st.binary(max_size=300).map(lambda raw: b'{"' + raw.hex().encode() + b'":1}'), max_size=12
)


def walked(log: bytes, author: str = "") -> Survey:
    return survey(io.BytesIO(log), len(log), author)


def ends_of(payloads: list[bytes]) -> list[int]:
    ends = [0]
    for payload in payloads:
        ends.append(ends[-1] + len(payload) + 12)
    return ends


@few
@given(contents)
def test_a_whole_log_is_whole(payloads: list[bytes]):
    log = log_of(payloads)
    assert walked(log) == Survey(len(log), len(payloads), 0, damaged=False)


@few
@given(contents, st.data())
def test_any_prefix_ends_at_its_last_whole_record(payloads: list[bytes], data: st.DataObject):
    log = log_of(payloads)
    cut = data.draw(st.integers(0, len(log)))
    whole = max(end for end in ends_of(payloads) if end <= cut)
    found = walked(log[:cut])
    assert (found.whole, found.records, found.damaged) == (whole, ends_of(payloads).index(whole), False)


@few
@given(st.lists(st.tuples(st.sampled_from([ALICE, BOB]), st.integers(1, 99)), max_size=12), st.data())
def test_the_newest_record_of_an_author_is_found_from_behind(
    said: list[tuple[str, int]], data: st.DataObject
):
    payloads = [message(*one) for one in said]
    log = log_of(payloads)
    cut = data.draw(st.integers(0, len(log)))
    near = data.draw(st.integers(0, len(log) + 9))
    ends = ends_of(payloads)
    end = max(place for place in ends if place <= cut)
    whole = [n for n in range(len(payloads)) if ends[n + 1] <= end and ends[n] >= end - near]
    theirs = [(said[n][1], payloads[n]) for n in whole if said[n][0] == ALICE]
    found = offsetlog.newest_of(io.BytesIO(log[:cut]), cut, ALICE, near)
    assert found == (theirs[-1] if theirs else (0, b""))


def test_a_length_that_equals_its_position_is_not_the_end_of_a_record():
    payloads = [b'{"00000000":1}', b'{"000000000000000000000000":1}']
    assert walked(log_of(payloads)[:30]) == Survey(26, 1, 0, damaged=False)


@few
@given(contents, st.binary(max_size=200))
def test_garbage_after_the_end_is_left_out(payloads: list[bytes], garbage: bytes):
    log = log_of(payloads)
    found = walked(log + garbage)
    assume(not _ends_later(log + garbage, len(log)))
    assert (found.whole, found.damaged) == (len(log), False)


@few
@given(contents.filter(lambda payloads: len(payloads) > 1), st.data())
def test_a_broken_frame_before_the_last_record_is_damage(payloads: list[bytes], data: st.DataObject):
    """Any byte of the lengths and ends that frame a record, except for the last record's."""
    log = bytearray(log_of(payloads))
    number = data.draw(st.integers(0, len(payloads) - 2))
    begin, end = ends_of(payloads)[number : number + 2]
    at = data.draw(st.sampled_from([*range(begin, begin + 4), *range(end - 8, end)]))
    log[at] ^= data.draw(st.integers(1, 255))
    found = walked(bytes(log))
    assert (found.whole, found.records, found.damaged) == (begin, number, True)


@few
@given(contents.filter(lambda payloads: len(payloads) > 1), st.data())
def test_zeros_inside_a_record_are_damage(payloads: list[bytes], data: st.DataObject):
    number = data.draw(st.integers(0, len(payloads) - 2))
    begin, end = ends_of(payloads)[number : number + 2]
    log = bytearray(log_of(payloads))
    log[data.draw(st.integers(begin + 4, end - 9))] = 0
    assert walked(bytes(log)).damaged


def test_a_record_that_was_deleted_is_sound():
    log = log_of([message(ALICE, 1), bytes(40), message(ALICE, 2)])
    assert walked(log, ALICE) == Survey(len(log), 3, 2, damaged=False)


def test_the_last_record_is_damaged_in_its_first_length():
    """The pub finds its end from behind and would read it: leaving it out silently would lose a message."""
    log = bytearray(log_of([message(ALICE, 1), message(ALICE, 2)]))
    second = len(record(message(ALICE, 1), 0))
    log[second : second + 4] = (LONGEST_RECORD).to_bytes(4)
    assert walked(bytes(log), ALICE) == Survey(second, 1, 1, damaged=True)


def test_a_log_of_only_zeros_has_no_record():
    assert walked(bytes(100_000)) == Survey(0, 0, 0, damaged=False)


@pytest.mark.parametrize("author", [ALICE, BOB])
def test_the_highest_sequence_is_that_of_the_author_alone(author: str):
    both = [(ALICE, 1), (BOB, 1), (ALICE, 2), (ALICE, 3), (BOB, 2)]
    log = log_of([message(who, sequence) for who, sequence in both])
    assert walked(log, author).sequence == max(sequence for who, sequence in both if who == author)


def test_a_message_that_only_mentions_the_author_does_not_count():
    said = message(BOB, 1, f'"value":{{"previous":null,"sequence":99,"author":"{ALICE}",')
    assert walked(log_of([said]), ALICE).sequence == 0


def test_records_may_span_blocks():
    payloads = [message(ALICE, number, "x" * (number * 9973 % 8000)) for number in range(1, 700)]
    log = log_of(payloads)
    assert len(log) > 2 * offsetlog.BLOCK
    assert walked(log, ALICE) == Survey(len(log), 699, 699, damaged=False)
    assert walked(log[:-1], ALICE).sequence == 698


def _ends_later(log: bytes, begin: int) -> bool:
    return any(int.from_bytes(log[place - 4 : place]) == place for place in range(begin + 1, len(log) + 1))
