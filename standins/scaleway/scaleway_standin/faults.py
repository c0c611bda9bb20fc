"""What goes wrong, on demand and by a seeded schedule; and the rate limit."""

from __future__ import annotations

import random
import re
import threading
import time
from collections import Counter
from typing import Any

from scaleway_standin.answers import (
    Answer,
    Dropped,
    Refusal,
    Request,
    out_of_stock,
    over_quota,
    too_many,
    wrong,
)

BEFORE = ("429", "500", "502", "503", "timeout", "drop", "out_of_stock", "over_quota", "refuse")
AFTER = ("500_after", "timeout_after", "drop_after")
HOLD = 30.0


class Faults:
    """`rules` apply to calls that match them, in order; `rates` apply to any call, as the seed decides."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.clear()

    def clear(self) -> None:
        self.rules: list[dict[str, Any]] = []
        self.rates: dict[str, float] = {}
        self.hold = HOLD
        self._dice = random.Random(0)  # noqa: S311 - a schedule, not a secret
        self.per_second: float | None = None
        self.burst, self.retry_after, self._bucket, self._filled = 1.0, False, 1.0, time.monotonic()
        self.calls: Counter[str] = Counter()
        self.struck: Counter[str] = Counter()

    def steer(self, wish: dict[str, Any]) -> None:
        for rule in wish.get("rules", []):
            if rule["do"] not in BEFORE + AFTER:
                raise Refusal(400, "invalid_arguments", f"do: one of {', '.join(BEFORE + AFTER)}")
            self.rules.append({"method": "", "path": "", "skip": 0, "times": 1, **rule})
        self.rates |= wish.get("rates", {})
        self.hold = float(wish.get("hold", self.hold))
        if "seed" in wish:
            self._dice = random.Random(wish["seed"])  # noqa: S311

    def limit(self, wish: dict[str, Any]) -> None:
        self.per_second = wish.get("per_second")
        self.burst = self._bucket = float(wish.get("burst") or self.per_second or 1)
        self.retry_after, self._filled = bool(wish.get("retry_after")), time.monotonic()

    def choose(self, request: Request) -> str:
        """What is to happen to this call, or nothing."""
        with self._lock:
            self.calls[request.method] += 1
            if not self._may_call():
                self.struck["over_limit"] += 1
                return "429"
            for rule in self.rules:
                if request.method != (rule["method"] or request.method) or not re.search(
                    rule["path"], request.path
                ):
                    continue
                if rule["skip"] > 0:
                    rule["skip"] -= 1
                elif rule["times"] > 0:
                    rule["times"] -= 1
                    return self._note(rule["do"])
            for kind, rate in sorted(self.rates.items()):
                if self._dice.random() < rate:
                    return self._note(kind)
            return ""

    def _note(self, kind: str) -> str:
        self.struck[kind] += 1
        return kind

    def _may_call(self) -> bool:
        if self.per_second is None:
            return True
        now = time.monotonic()
        self._bucket = min(self.burst, self._bucket + (now - self._filled) * self.per_second)
        self._filled = now
        if self._bucket < 1:
            return False
        self._bucket -= 1
        return True

    def before(self, kind: str, request: Request) -> None:
        """Fail before the call has had any effect."""
        if kind == "429":
            raise too_many()
        if kind in {"500", "503"}:
            raise Refusal(int(kind), "internal_error", "internal error")
        if kind == "502":
            raise BadGateway
        if kind in {"timeout", "drop"}:
            raise Dropped(self.hold if kind == "timeout" else 0)
        if kind == "out_of_stock":
            raise out_of_stock(request.path.rsplit("/", 1)[-1])
        if kind == "refuse":
            raise wrong("body", "not a valid value")
        if kind == "over_quota":
            raise over_quota("instances", 0, 0)

    def after(self, kind: str) -> None:
        """Fail after the effect."""
        if kind == "500_after":
            raise Refusal(500, "internal_error", "internal error")
        if kind in {"timeout_after", "drop_after"}:
            raise Dropped(self.hold if kind == "timeout_after" else 0)


class BadGateway(Exception):
    """What a gateway in front returns, in HTML."""

    answer = Answer(502, b"<html><body><h1>502 Bad Gateway</h1></body></html>", {"Content-Type": "text/html"})
