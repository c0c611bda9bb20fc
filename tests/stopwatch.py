"""How long each thing of a long way took, told in the output of the tests."""

import sys
import time

import pytest


class Stopwatch:
    """It tells, whatever pytest does with what tests print. Nothing is judged by it."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys, self._began = capsys, time.monotonic()
        self._at = self._began

    def tell(self, what: str) -> None:
        now = time.monotonic()
        with self._capsys.disabled():
            sys.stdout.write(f"    {what}: {now - self._at:.0f} s (after {now - self._began:.0f} s)\n")
        self._at = now
