"""The metadata that callers keep with objects."""

from __future__ import annotations

from typing import Any

from stripe_standin.store import Object


def merge(thing: Object, metadata: Any) -> None:
    """As Stripe does it: keys that are not named stay, an empty value removes one, an empty text instead
    removes all.
    """
    merged = {} if metadata == "" else {**thing["metadata"], **metadata}
    thing["metadata"] = {name: value for name, value in merged.items() if value != ""}
