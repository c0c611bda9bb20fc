"""The traffic of a month, counted over restarts and turns of the month, whatever happens in between."""

import shutil
from datetime import UTC, datetime
from pathlib import Path
from tempfile import mkdtemp

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from scuttlekit.connection import Traffic
from scuttlekit.pub.limits import Limits
from scuttlekit.pub.monthly import MonthlyTraffic

DAY = 24 * 3600
LAST_SECOND = datetime(2026, 11, 30, 23, 59, 59, tzinfo=UTC).timestamp()
MOST = 1000


class AMonthlyCount(RuleBasedStateMachine):
    """A pub that sends, rests, restarts and is killed, beside a list of what it sent when."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(mkdtemp())
        self.now = LAST_SECOND
        self.went: list[tuple[str, int, int]] = []
        self.told = self.is_told = 0
        self.begin()

    def teardown(self) -> None:
        shutil.rmtree(self.folder)

    def begin(self) -> None:
        self.traffic = Traffic()
        self.count = MonthlyTraffic(self.folder, self.traffic, Limits({"traffic": MOST}), lambda: self.now)
        self.count.on_change(self.hear)
        self.is_told = 0

    def hear(self) -> None:
        self.is_told = not self.is_told

    @property
    def month(self) -> str:
        return datetime.fromtimestamp(self.now, UTC).strftime("%Y-%m")

    @property
    def expected(self) -> tuple[int, int]:
        this = [(came, went) for month, came, went in self.went if month == self.month]
        return sum(came for came, _ in this), sum(went for _, went in this)

    @rule(came_in=st.integers(0, 400), went_out=st.integers(0, 400))
    def exchange(self, came_in: int, went_out: int) -> None:
        self.traffic.received += came_in
        self.traffic.sent += went_out
        self.went.append((self.month, came_in, went_out))

    @rule(seconds=st.one_of(st.integers(0, 3), st.integers(1, 40 * DAY)))
    def wait(self, seconds: int) -> None:
        self.now += seconds
        self.count.look()

    @rule()
    def restart(self) -> None:
        self.count.write()
        self.begin()

    @rule(share=st.integers(0, 100))
    def is_killed_and_told_by_a_service_that_saw_more(self, share: int) -> None:
        seen = self.expected
        self.begin()
        lost = self.count.used
        assert all(one <= other for one, other in zip(lost, seen, strict=True)), "it makes nothing up"
        self.count._take({"month": self.month, "in": seen[0], "out": seen[1]})
        self.count._take({"month": "2026-10", "in": 10**9, "out": share})
        self.count._take({"month": self.month, "in": seen[0] * share // 100, "out": 0})

    @invariant()
    def it_counts_this_month_and_nothing_of_another(self) -> None:
        assert self.count.used == self.expected
        assert self.count.figures()["month"] == self.month
        assert self.count.is_used_up is (sum(self.expected) >= MOST)

    @invariant()
    def it_is_said_once_that_it_is_used_up_and_once_that_it_is_not(self) -> None:
        self.count.look()
        assert bool(self.is_told) is self.count.is_used_up


TestAMonthlyCount = AMonthlyCount.TestCase


@pytest.mark.parametrize(
    "text", ["", "[]", '{"month": "2026-11"}', '{"month": "2026-11", "in": -1, "out": 0}']
)
def test_a_damaged_file_counts_nothing(tmp_path: Path, text: str):
    (tmp_path / "traffic.json").write_text(text)
    assert MonthlyTraffic(tmp_path, Traffic(), Limits(), lambda: LAST_SECOND).used == (0, 0)


async def test_a_full_disk_does_not_end_the_counting(tmp_path: Path):
    count = MonthlyTraffic(tmp_path / "gone", traffic := Traffic(), Limits())
    traffic.sent = 100 << 20
    with pytest.raises(OSError, match="No such file"):
        count.write()
    assert count.used == (0, 100 << 20)
