"""The shape of every answer, taken from Stripe's published example objects for the SDK's API version.

`examples.json` holds those of github.com/stripe/openapi, as Stripe published them in November 2026.
"""

from __future__ import annotations

import copy
import functools
import json
from pathlib import Path
from typing import Any

INCLUDED = {
    "invoice": {"confirmation_secret", "payments"},
    "customer": {"tax_ids", "subscriptions"},
    "webhook_endpoint": {"secret"},
    "subscription": {"trial_update_behavior"},
}
"""Fields that Stripe leaves out unless they are asked for."""

FREE = {
    "metadata",
    "payment_method_options",
    "last_payment_error",
    "last_setup_error",
    "last_finalization_error",
    "previous_attributes",
    "next_action",
}
"""Fields whose own fields depend on what happened."""


@functools.cache
def examples() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((Path(__file__).parent / "examples.json").read_text())
    found["list"] = {"object": "list", "data": [], "has_more": False, "url": "/"}
    return found


def new(kind: str, **fields: Any) -> dict[str, Any]:
    """An object of this kind with all fields of Stripe's. Fields that are not given are null or empty."""
    example = examples()[kind]
    unknown = fields.keys() - example.keys() - INCLUDED.get(kind, set())
    if unknown:
        raise KeyError(f"{kind} has no {', '.join(sorted(unknown))}")
    empty = {name: _empty(name, value) for name, value in example.items()}
    return {**copy.deepcopy(empty), "object": example["object"], **fields}


def _empty(name: str, value: Any) -> Any:
    if isinstance(value, list):
        return []
    if name == "metadata":
        return {}
    return False if name == "livemode" else None


def listed(things: list[dict[str, Any]], url: str, more: bool = False) -> dict[str, Any]:
    return {"object": "list", "data": things, "has_more": more, "url": url}


def differences(found: Any, like: Any = None, at: str = "") -> list[str]:
    """How an answer differs from the example of its kind: extra or missing fields, or other types."""
    if isinstance(found, dict) and "object" in found:
        if found.get("deleted") is True:
            return [] if found.keys() == {"id", "object", "deleted"} else [f"{at}: a deleted one has more"]
        like = examples().get(found["object"], like)
        if found["object"] == "list":
            return [wrong for each in found["data"] for wrong in differences(each, None, at + ".data")]
        if found["object"] == "event":
            inner = differences(found["data"]["object"], None, found["type"])
            return inner + _fields({**found, "data": {}}, {**examples()["event"], "data": {}}, found["type"])
    if like is None or found is None or _is_expanded(found, like):
        return []
    if isinstance(found, dict) and isinstance(like, dict):
        return _fields(found, like, at or str(found.get("object", "")))
    if isinstance(found, list) and isinstance(like, list):
        return [wrong for each in found for wrong in differences(each, like[0] if like else None, at + "[]")]
    same = type(found) is type(like) or {type(found), type(like)} <= {int, float}
    return [] if same else [f"{at}: {found!r} is not like {like!r}"]


def _is_expanded(found: Any, like: Any) -> bool:
    return isinstance(found, dict) and isinstance(like, str) and "object" in found


def _fields(found: dict[str, Any], like: dict[str, Any], at: str) -> list[str]:
    kind = str(found.get("object", ""))
    wrong = [f"{at} lacks {name}" for name in like if name not in found]
    wrong += [
        f"{at} has {name}, which no example has"
        for name in found.keys() - like.keys() - INCLUDED.get(kind, set())
        if kind and like
    ]
    for name, value in found.items():
        if name in like and name not in FREE:
            wrong += differences(value, like[name], f"{at}.{name}")
    return wrong
