"""Whatever strangers send, the log stays readable and small."""

import io
import logging
from collections.abc import Iterator

import pytest

from butt.limits.logs import LONGEST, LONGEST_MESSAGE, Sparing, TextFormatter
from butt.limits.table import LOG_LINES


@pytest.fixture
def written() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def log(written: io.StringIO) -> Iterator[logging.Logger]:
    handler = logging.StreamHandler(written)
    handler.setFormatter(TextFormatter("{levelname} {message}", style="{"))
    handler.addFilter(Sparing())
    log = logging.getLogger("tests.limits")
    log.addHandler(handler)
    log.propagate = False
    yield log
    log.removeHandler(handler)


def test_a_line_stays_one_line_and_short(log: logging.Logger, written: io.StringIO):
    log.warning("Not Found: %s", "/x\n2026-01-01 CRITICAL all is lost" + "x" * 100_000)
    assert written.getvalue().count("\n") == 1
    assert len(written.getvalue()) < LONGEST_MESSAGE + 10
    assert r"/x\n2026" in written.getvalue()


def test_a_traceback_is_kept_and_bounded(log: logging.Logger, written: io.StringIO):
    try:
        int("x" * 4000)
    except ValueError:
        log.exception("it failed %s", "x" * 100_000)
    assert "Traceback" in written.getvalue()
    assert len(written.getvalue()) < LONGEST + 10


def test_a_flood_of_one_kind_is_cut_and_counted_and_others_continue(
    log: logging.Logger, written: io.StringIO, monkeypatch: pytest.MonkeyPatch
):
    now = 0.0
    monkeypatch.setattr("time.monotonic", lambda: now)

    def flood(times: int) -> None:
        for number in range(times):
            log.warning("flood %d", number)

    flood(LOG_LINES.most + 1000)
    log.warning("another")
    assert len(written.getvalue().splitlines()) == LOG_LINES.most + 1
    now = LOG_LINES.seconds + 1.0
    flood(1)
    assert written.getvalue().splitlines()[-1] == "WARNING flood 0 (and 1000 like this before it)"
