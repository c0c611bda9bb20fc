"""How long each step of a long test took, shown in the output of the tests."""

import sys
import time

import pytest


class Stopwatch:
    """It prints, whatever pytest does with the output of tests. No test depends on it."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys, self._began = capsys, time.monotonic()
        self._at = self._began

    def tell(self, what: str) -> None:
        now = time.monotonic()
        with self._capsys.disabled():
            sys.stdout.write(f"    {what}: {now - self._at:.0f} s (after {now - self._began:.0f} s)\n")
        self._at = now
