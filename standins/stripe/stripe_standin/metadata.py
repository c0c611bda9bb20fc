"""The metadata that callers keep with objects."""

from __future__ import annotations

from typing import Any

from stripe_standin.store import Object


def merge(thing: Object, metadata: Any) -> None:
    """As Stripe does: what is not named stays, and an empty value removes."""
    merged = {**thing["metadata"], **metadata} if metadata else {}
    thing["metadata"] = {name: value for name, value in merged.items() if value != ""}
