from scuttlekit.backoff import backoff


def test_each_failure_doubles_the_wait_up_to_the_longest():
    assert [backoff(failures, 15, 100) for failures in range(5)] == [15, 30, 60, 100, 100]


def test_no_number_of_failures_is_too_large():
    assert backoff(10**9, 15, 100) == 100
