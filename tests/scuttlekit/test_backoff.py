from datetime import timedelta

import pytest

from scuttlekit.backoff import backoff


def test_each_failure_doubles_the_wait_up_to_the_longest():
    assert [backoff(failures, 15, 100) for failures in range(5)] == [15, 30, 60, 100, 100]


def test_no_number_of_failures_is_too_large():
    assert backoff(10**9, 15, 100) == 100


def test_a_slower_growth_takes_more_failures_to_the_longest_wait():
    waits = [backoff(failures, 0.03, 2.0, growth=1.1) for failures in range(60)]
    assert waits[:3] == [0.03, pytest.approx(0.033), pytest.approx(0.0363)]
    assert (waits[44] < 2.0, waits[45]) == (True, 2.0)


def test_a_wait_that_cannot_grow_is_the_longest_at_once():
    assert backoff(0, timedelta(minutes=1), timedelta(minutes=1)) == timedelta(minutes=1)
