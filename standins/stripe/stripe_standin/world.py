"""What all parts of the stand-in share: the objects, the time, the events, and the steering."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from typing import Any

from stripe_standin.shapes import new
from stripe_standin.store import Object, Store, new_id

SETTINGS: dict[str, Any] = {
    "country": "NZ",
    "retry_days": [3, 5, 7],
    "after_retries": "cancel",
    "finalize_after": 3600,
    "minimum": 50,
    "wallets": True,
    "tax_missing": [],
}
"""What an account sets in Stripe's dashboard, and what Stripe sets for all. `after_retries`: cancel, unpaid or past_due."""

REAL = "_real"
"""The clock of all customers without a test clock."""

API_VERSION = "2026-10-28.endive"


class World:
    def __init__(self, store: Store, url: str = "http://127.0.0.1") -> None:
        self.store, self.url = store, url
        self.settings = copy.deepcopy(SETTINGS)
        self.told: Callable[[Object], None] = lambda _: None
        self.request: dict[str, Any] = {"id": None, "idempotency_key": None}
        if not store.find("_clock", REAL):
            store.put("_clock", {"id": REAL, "frozen_time": int(time.time()), "offset": 0})

    # Time

    def clock_of(self, thing: Object) -> str:
        """The clock by which an object lives: that of its customer."""
        if thing["object"] == "customer":
            return thing["test_clock"] or REAL
        customer = self.store.find("customer", thing.get("customer")) or self.hidden(thing.get("customer"))
        return customer.get("test_clock") or REAL

    def frozen(self, clock: str) -> Object:
        kind = "_clock" if clock == REAL else "test_helpers.test_clock"
        return self.store.get(kind, clock)

    def now(self, thing: Object | None = None) -> int:
        clock = self.clock_of(thing) if thing else REAL
        return int(self.frozen(clock)["frozen_time"])

    # What Stripe keeps to itself

    def hidden(self, identifier: str | None) -> Object:
        return self.store.find("_hidden", identifier) or {}

    def hide(self, identifier: str, **fields: Any) -> None:
        self.store.put("_hidden", {**self.hidden(identifier), **fields, "id": identifier})

    # Events

    def emit(self, kind: str, thing: Object, before: Object | None = None) -> None:
        data: dict[str, Any] = {"object": copy.deepcopy(thing)}
        if before is not None:
            changed = {
                name: copy.deepcopy(before[name]) for name in before if before[name] != thing.get(name)
            }
            if not changed:
                return
            data["previous_attributes"] = changed
        event = new(
            "event",
            id=new_id("evt"),
            api_version=API_VERSION,
            created=self.now(thing) if thing.get("customer") or thing["object"] == "customer" else self.now(),
            data=data,
            pending_webhooks=1,
            request=dict(self.request),
            type=kind,
        )
        self.store.put("event", event)
        self.told(event)

    def update(self, kind: str, thing: Object, fields: dict[str, Any], event: str = "") -> Object:
        """Change an object, keep it, and send its event."""
        before = copy.deepcopy(thing)
        thing.update(fields)
        self.store.put(kind, thing)
        if event:
            self.emit(event, thing, before)
        return thing
