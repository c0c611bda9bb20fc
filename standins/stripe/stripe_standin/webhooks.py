"""Sends events to endpoints, signed as Stripe does: at least once, in any order, and as unreliably as asked
for.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import random
import threading
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count

from stripe_standin.store import Object

PATIENCE = 10
AGAIN_AFTER = (1.0, 5.0, 25.0, 125.0)
"""Seconds until it is told again to who did not answer well. Stripe goes on for three days."""

FASTEST = 0.05


def signature(payload: bytes, secret: str, at: int | None = None) -> str:
    at = int(time.time()) if at is None else at
    digest = hmac.new(secret.encode(), b"%d.%s" % (at, payload), hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"


@dataclass
class Manners:
    """Shares from 0 to 1 of events that are lost, or sent twice; `late` is the longest delay in seconds,
    which shuffles them.
    """

    lose: float = 0.0
    double: float = 0.0
    late: float = 0.0
    dice: random.Random = field(default_factory=random.Random)


class Telling:
    def __init__(self) -> None:
        self.manners = Manners()
        self._queue: list[tuple[float, int, str, bytes, str, int]] = []
        self._numbers, self._ready, self._is_over = count(), threading.Condition(), False
        self._thread = threading.Thread(target=self._run, name="webhooks", daemon=True)
        self._thread.start()

    def tell(self, event: Object, endpoints: list[tuple[Object, str]]) -> None:
        """Each endpoint that wants the event, with its secret."""
        payload = json.dumps(event).encode()
        for there, secret in endpoints:
            wanted = there["enabled_events"]
            if there["status"] != "enabled" or not ("*" in wanted or event["type"] in wanted):
                continue
            if self.manners.dice.random() < self.manners.lose:
                continue
            for _ in range(2 if self.manners.dice.random() < self.manners.double else 1):
                self._put(
                    time.monotonic() + self.manners.dice.random() * self.manners.late,
                    there["url"],
                    payload,
                    secret,
                    0,
                )

    def _put(self, at: float, url: str, payload: bytes, secret: str, tries: int) -> None:
        with self._ready:
            heappush(self._queue, (at, next(self._numbers), url, payload, secret, tries))
            self._ready.notify()

    def _run(self) -> None:
        while True:
            with self._ready:
                while not self._is_over and not (self._queue and self._queue[0][0] <= time.monotonic()):
                    self._ready.wait(
                        max(FASTEST, self._queue[0][0] - time.monotonic()) if self._queue else None
                    )
                if self._is_over:
                    return
                _, _, url, payload, secret, tries = heappop(self._queue)
            if not _tell(url, payload, secret) and tries < len(AGAIN_AFTER):
                self._put(time.monotonic() + AGAIN_AFTER[tries], url, payload, secret, tries + 1)

    def close(self) -> None:
        with self._ready:
            self._is_over = True
            self._ready.notify()
        self._thread.join()


def _tell(url: str, payload: bytes, secret: str) -> bool:
    request = urllib.request.Request(url, payload, method="POST")  # noqa: S310 - an endpoint's own address
    request.add_header("Content-Type", "application/json; charset=utf-8")
    request.add_header("Stripe-Signature", signature(payload, secret))
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:  # noqa: S310
            return bool(answer.status < 300)
    except (OSError, ValueError):
        return False
