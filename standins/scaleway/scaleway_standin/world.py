"""Everything that exists in the stand-in: objects by kind, kept in SQLite, and what is due to happen to
them.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from scaleway_standin.answers import not_found, over_quota

Thing = dict[str, Any]

DELAYS = {
    "create_volume": 0.2,
    "boot": 1.0,
    "stop": 0.5,
    "attach": 0.1,
    "detach": 0.3,
    "resize": 0.2,
    "snapshot": 0.5,
    "sync": 0.2,
}
"""How many seconds each passing state lasts; steered by `/_standin/delays`."""


class World:
    """Objects are plain dictionaries; fields that begin with `_` are ours and never shown."""

    def __init__(self, state: Path) -> None:
        state.mkdir(parents=True, exist_ok=True)
        self.folder, self.lock = state, threading.RLock()
        self._db = sqlite3.connect(state / "state.sqlite3", check_same_thread=False, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=OFF")
        self._db.execute(
            "CREATE TABLE IF NOT EXISTS things (kind TEXT, id TEXT, body TEXT, PRIMARY KEY (kind, id))"
        )
        self.kinds: dict[str, dict[str, Thing]] = {}
        for kind, key, body in self._db.execute("SELECT kind, id, body FROM things ORDER BY rowid"):
            self.kinds.setdefault(kind, {})[key] = json.loads(body)
        self.happenings: dict[str, Callable[..., None]] = {}

    def close(self) -> None:
        self._db.close()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """One request at a time, written as a whole or not at all."""
        with self.lock:
            self._db.execute("BEGIN")
            try:
                self._settle()
                yield
            finally:
                self._db.execute("COMMIT")

    # Objects

    def all(self, kind: str) -> list[Thing]:
        return list(self.kinds.get(kind, {}).values())

    def get(self, kind: str, key: str, resource: str = "") -> Thing:
        try:
            return self.kinds[kind][key]
        except KeyError:
            raise not_found(resource or kind, key) from None

    def put(self, kind: str, thing: Thing) -> Thing:
        self.kinds.setdefault(kind, {})[thing["id"]] = thing
        body = json.dumps(thing)
        self._db.execute(
            "INSERT INTO things VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET body = excluded.body",
            (kind, thing["id"], body),
        )
        return thing

    def drop(self, kind: str, key: str) -> None:
        self.kinds.get(kind, {}).pop(key, None)
        self._db.execute("DELETE FROM things WHERE kind = ? AND id = ?", (kind, key))

    def setting(self, name: str, otherwise: Any) -> Any:
        return self.kinds.get("setting", {}).get(name, {}).get("value", otherwise)

    def set(self, name: str, value: Any) -> None:
        self.put("setting", {"id": name, "value": value})

    # Time

    def now(self) -> float:
        return time.time() + float(self.setting("clock", 0.0))

    def stamp(self) -> str:
        """A time as instances write it; the others write it as `stamp_z` does."""
        return datetime.fromtimestamp(self.now(), UTC).isoformat()

    def delay(self, name: str) -> float:
        return float({**DELAYS, **self.setting("delays", {})}[name])

    def later(self, delay: str, what: str, *arguments: str) -> None:
        """Have the event `what` happen when its delay is over."""
        at = self.now() + self.delay(delay)
        self.put("due", {"id": new_id(), "at": at, "what": what, "arguments": list(arguments)})

    def _settle(self) -> None:
        now = self.now()
        for due in sorted((d for d in self.all("due") if d["at"] <= now), key=lambda d: d["at"]):
            self.drop("due", due["id"])
            self.happenings[due["what"]](*due["arguments"])

    def settle(self) -> None:
        """Let everything happen that is due, even if nobody asks."""
        if any(due["at"] <= self.now() for due in self.all("due")):
            with self.turn():
                pass

    # Quotas

    def check_quota(self, resource: str, current: int) -> None:
        quota = self.setting("quotas", {}).get(resource)
        if quota is not None and current >= quota:
            raise over_quota(resource, quota, current)


def stamp_z(at: float) -> str:
    """A time as block storage, DNS and IAM write it."""
    return datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")


def new_id() -> str:
    return str(uuid.uuid4())


def shown(thing: Thing) -> Thing:
    return {name: value for name, value in thing.items() if not name.startswith("_")}
