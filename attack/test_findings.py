"""The checks find harm: each one is shown a figure that must not occur."""

from typing import Any

import pytest

from attack.honest import Figures
from attack.run import DISK, LEFT, Stretch, _errors_in, _findings
from attack.watch import MIB


def stretch(name: str, *, seconds: float = 0.1, error: str = "", memory: int = 100, **given: Any) -> Stretch:
    figures = Figures()
    figures.saw("/bots", seconds, error)
    return Stretch(name, figures, {"public": memory * MIB}, **given)


@pytest.mark.parametrize(
    ("attacked", "found"),
    [
        ({}, ""),
        ({"seconds": 0.6}, "p95 is 600 ms"),
        ({"error": "/bots: 429"}, "an honest person's /bots: 429"),
        ({"memory": 200}, ""),
        ({"memory": 201}, "public takes 201 MiB, 100 when quiet"),
        ({"disk": DISK}, ""),
        ({"disk": DISK + MIB}, "the disk takes 129 MiB more"),
        ({"left": LEFT + MIB}, "33 MiB are left"),
        ({"found": ["a guest was let publish"]}, "a guest was let publish"),
    ],
)
def test_each_broken_promise_is_found(attacked: dict[str, Any], found: str) -> None:
    findings = _findings([stretch("quiet"), stretch("strangers", **attacked)], timed=True)
    assert len(findings) == bool(found)
    assert found in "".join(findings)


def test_waiting_times_are_judged_only_on_a_free_machine() -> None:
    assert _findings([stretch("quiet"), stretch("strangers", seconds=9)], timed=False) == []


def test_an_error_in_the_log_of_any_part_is_found() -> None:
    log = "INFO x\nTraceback (most recent call last):\n  File here\n    work()\nValueError: at 0x7f\nINFO y\n"
    assert _errors_in(log) == ["ValueError: at …"]
