"""Rounds go on whatever one of them meets, and rest as long as each says."""

import logging
from itertools import count, islice

import pytest

from butt.rounds import rounds

log = logging.getLogger("butt.test")
pytestmark = pytest.mark.django_db


def test_they_go_on_after_trouble_and_end_when_told(caplog: pytest.LogCaptureFixture):
    done = []
    turns = iter([True, True, True, False])

    def work() -> float:
        done.append(len(done))
        if len(done) == 2:
            raise ValueError("the disk is full")
        return 0.0

    rounds(work, lambda: next(turns), log, after_trouble=0.01)
    assert done == [0, 1, 2]
    (told,) = caplog.records
    assert told.getMessage() == "this round failed; the next starts in 0.01 s"
    assert "the disk is full" in caplog.text


def test_each_says_how_long_to_rest(monkeypatch: pytest.MonkeyPatch):
    rested: list[float] = []
    monkeypatch.setattr("time.sleep", rested.append)
    said = islice(count(0.5, 0.25), 4)
    rounds(lambda: next(said), lambda: len(rested) < 5, log, after_trouble=9.0)
    assert rested == [0.5, 0.75, 1.0, 1.25, 9.0]
