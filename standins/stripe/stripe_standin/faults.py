"""Errors on the way, as steered by tests."""

from __future__ import annotations

import time
from dataclasses import dataclass

DOES = frozenset({"429", "500", "503", "drop", "timeout", "500_after", "drop_after", "timeout_after"})


class Dropped(Exception):
    """The connection ends without an answer, after `hold` seconds."""

    def __init__(self, hold: float = 0) -> None:
        super().__init__()
        self.hold = hold


@dataclass
class Rule:
    """Applies to calls with this method and with this text in their path: to `times` of them, after `skip`
    that succeed.
    """

    method: str = ""
    path: str = ""
    do: str = "500"
    skip: int = 0
    times: int = 1

    def __post_init__(self) -> None:
        if self.do not in DOES:
            raise ValueError(f"{self.do} is none of {', '.join(sorted(DOES))}")


class Faults:
    def __init__(self) -> None:
        self.rules: list[Rule] = []
        self.hold = 5.0
        self.per_second = 0.0
        self._tokens, self._at = 0.0, time.monotonic()

    def strikes(self, method: str, path: str) -> str:
        """What happens to this call; empty if nothing does."""
        for rule in self.rules:
            if rule.times > 0 and rule.method in {"", method} and rule.path in path:
                if rule.skip:
                    rule.skip -= 1
                    continue
                rule.times -= 1
                return rule.do
        return "" if self._has_room() else "429"

    def _has_room(self) -> bool:
        if not self.per_second:
            return True
        now = time.monotonic()
        self._tokens = min(self.per_second, self._tokens + (now - self._at) * self.per_second)
        self._at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True
