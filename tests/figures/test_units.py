import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from butt.figures.units import duration, number, size

SIZES = {"B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40, "PiB": 2**50, "EiB": 2**60}
DURATIONS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1 KiB"),
        (1536, "1.5 KiB"),
        (100 * 2**20, "100 MiB"),
        (10 * 2**30, "10 GiB"),
        (2**20 - 1, "1 MiB"),
        (9.99 * 2**30, "10 GiB"),
    ],
)
def test_sizes_are_readable(count: float, said: str):
    assert size(count) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0 seconds"),
        (1, "1 second"),
        (119, "1 minute"),
        (7200, "2 hours"),
        (100 * 86400 + 5, "100 days"),
    ],
)
def test_durations_are_readable(seconds: float, said: str):
    assert duration(seconds) == said


@given(st.integers(0, 2**63 - 1))
def test_a_size_is_short_and_exact_to_a_twentieth(count: int):
    value, unit = size(count).split()
    assert len(value) <= 4
    assert float(value) * SIZES[unit] == pytest.approx(count, rel=0.05)
    assert float(value) < 1024


@given(st.integers(0, 10**10))
def test_a_duration_is_rounded_down_by_less_than_a_unit(seconds: int):
    value, unit = duration(seconds).split()
    length = DURATIONS[unit.removesuffix("s")]
    assert int(value) * length <= seconds < (int(value) + 1) * length


@given(st.integers(0, 10**15))
def test_a_count_is_grouped_by_thousands(count: int):
    assert int(number(count).replace(",", "")) == count
    assert re.fullmatch(r"\d{1,3}(,\d{3})*", number(count))
    assert number(1.5) == "1.5"
