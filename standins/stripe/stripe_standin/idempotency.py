"""Idempotency keys: the first answer is returned again; with other parameters the key is refused."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from stripe_standin.errors import Refused
from stripe_standin.store import Store

LONGEST = 255
KEPT_FOR = 24 * 3600


@dataclass(frozen=True)
class Key:
    id: str
    print: str


def key_of(given: str, method: str, path: str, params: dict[str, Any]) -> Key:
    """Raises `Refused`."""
    if len(given) > LONGEST:
        raise Refused(400, f"Idempotency keys have at most {LONGEST} characters.", "idempotency_error")
    said = json.dumps([method, path, params], sort_keys=True)
    return Key(given, hashlib.sha256(said.encode()).hexdigest())


def replayed(store: Store, key: Key, now: float) -> tuple[int, Any] | None:
    """The earlier answer. Raises `Refused` if something else was asked for then."""
    before = store.find("_key", key.id)
    if before is None or before["at"] < now - KEPT_FOR:
        return None
    if before["print"] != key.print:
        raise Refused(
            400,
            "Keys for idempotent requests can only be used with the same parameters they were first used with. Try using a "
            f"key other than '{key.id}' if you meant to execute a different request.",
            "idempotency_error",
        )
    return before["status"], before["body"]


def keep(store: Store, key: Key, status: int, body: Any, now: float) -> None:
    store.put("_key", {"id": key.id, "print": key.print, "status": status, "body": body, "at": now})
