"""The arithmetic of samples, checked for any history."""

import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from butt.figures.declared import COLUMNS, KEPT_FIGURES
from butt.figures.spans import FINEST, Counter, Span, floor, fold, growth, lasting, stretches

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
LENGTHS = [60, 3600, 86400]
KINDS = ("sum", "low", "high")
MEMORY, DISK = (next(figure for figure in KEPT_FIGURES if figure.name == name) for name in ("memory", "disk"))

figures = st.integers(0, 2**40)


@st.composite
def sightings(draw: st.DrawFn) -> list[Span]:
    moments = draw(st.lists(st.integers(0, 200_000), min_size=1, max_size=40, unique=True))
    return [sighting(moment, draw(figures), draw(figures), draw(st.none() | figures)) for moment in moments]


def sighting(second: int, memory: int = 0, came: int = 0, disk: int | None = None) -> Span:
    at = BEGIN + timedelta(seconds=second)
    known = {"disk": disk, "bytes_in": came, "bytes_out": came + 1, "messages": second, "feeds": 1}
    averages = {
        f"{name}_{kind}": value for name, value in (("memory", memory), ("peers", 2)) for kind in KINDS
    }
    return Span(at, 1, tuple((known | averages).get(column.name, second) for column in COLUMNS))


@given(sightings(), st.sampled_from(LENGTHS))
def test_no_traffic_is_lost_or_counted_twice(seen: list[Span], seconds: int):
    folded = fold(seen, seconds)
    assert sum(span.count for span in folded) == len(seen)
    assert sum(span["bytes_in"] for span in folded) == sum(span["bytes_in"] for span in seen)
    assert sum(span["bytes_out"] for span in folded) == sum(span["bytes_out"] for span in seen)


@given(sightings(), st.sampled_from(LENGTHS))
def test_each_stretch_has_its_own_bounds_average_and_last_value(seen: list[Span], seconds: int):
    for span in fold(seen, seconds):
        inside = sorted((s for s in seen if floor(s.at, seconds) == span.at), key=lambda s: s.at)
        memory = [s["memory_sum"] for s in inside]
        assert (span["memory_low"], span["memory_high"]) == (min(memory), max(memory))
        assert span.of(MEMORY) == round(sum(memory) / len(memory))
        assert span["messages"] == inside[-1]["messages"]
        known = [disk for s in inside if (disk := s.of(DISK)) is not None]
        assert span.of(DISK) == (known[-1] if known else None)


@given(sightings(), st.randoms())
def test_the_result_does_not_depend_on_order_steps_or_repetition(seen: list[Span], chance: random.Random):
    shuffled = list(seen)
    chance.shuffle(shuffled)
    for seconds in LENGTHS:
        assert fold(shuffled, seconds) == fold(seen, seconds)
        assert fold(fold(seen, seconds), seconds) == fold(seen, seconds)
    assert fold(fold(fold(shuffled, 60), 3600), 86400) == fold(seen, 86400)


@given(st.integers(0, 2**40), st.integers(0, 2**40), st.none() | figures, st.integers(1, 60))
def test_a_sighting_that_stands_for_many_stretches_is_one_in_each(
    memory: int, came: int, disk: int | None, number: int
):
    one = sighting(100_000, memory, came, disk)
    many = lasting(one, number)
    each = stretches(many)
    assert [(one.at - span.at).total_seconds() for span in reversed(each)] == [
        FINEST * n for n in range(number)
    ]
    assert {(span.count, span.of(MEMORY), span.of(DISK)) for span in each} == {(1, memory, disk)}
    assert fold(each, 86400) == fold([many], 86400)


def test_a_gap_stays_a_gap():
    assert [span.at for span in fold([sighting(5), sighting(605)], 60)] == [
        BEGIN,
        BEGIN + timedelta(minutes=10),
    ]


@given(st.lists(st.lists(st.integers(0, 10**6), min_size=1), max_size=5))
def test_a_counter_that_restarts_with_each_process_adds_up(
    processes: list[list[int]],
):
    total, before = 0, None
    for number, steps in enumerate(processes):
        value = 0
        for step in steps:
            value += step
            now = Counter(BEGIN + timedelta(hours=number), value)
            total += growth(before, now)
            before = now
    assert total == sum(map(sum, processes))


@pytest.mark.parametrize(("value", "grown"), [(150, 50), (100, 0), (70, 70)])
def test_a_lower_counter_of_the_same_process_counts_as_restarted(value: int, grown: int):
    assert growth(Counter(BEGIN, 100), Counter(BEGIN, value)) == grown
