"""How often something may be done, counted in memory."""

from hypothesis import given
from hypothesis import strategies as st

from butt.limits.rates import MOST_KEYS, Rate
from butt.limits.table import Limit

FIVE = Limit("test-five", 5, "in 10 seconds", "For tests.", 10)


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_refused_attempts_make_nobody_wait_longer():
    clock = Clock()
    rate = Rate(FIVE, clock)
    assert [rate.wait_of("a") for _ in range(7)] == [0] * 5 + [10] * 2
    clock.now = 9.5
    assert (rate.wait_of("a"), rate.wait_of("b")) == (1, 0)
    clock.now = 10
    assert [rate.wait_of("a") for _ in range(6)] == [0] * 5 + [10]


@given(st.lists(st.tuples(st.sampled_from("ab"), st.floats(0, 4)), max_size=100))
def test_no_window_allows_more_than_twice_the_limit_and_waiting_helps(steps: list[tuple[str, float]]):
    clock, granted = Clock(), {"a": list[float](), "b": list[float]()}
    rate = Rate(FIVE, clock)
    for who, pause in steps:
        clock.now += pause
        if wait := rate.wait_of(who):
            assert 0 < wait <= FIVE.seconds
        else:
            granted[who].append(clock.now)
    for times in granted.values():
        assert all(sum(at - FIVE.seconds < t <= at for t in times) <= 2 * FIVE.most for at in times)
    clock.now += FIVE.seconds
    assert rate.wait_of("a") == 0


def test_memory_is_bounded():
    rate = Rate(FIVE, Clock())
    for number in range(MOST_KEYS + 100):
        rate.wait_of(str(number))
    assert len(rate._windows) <= MOST_KEYS
