"""`expand`: an id in an answer is replaced by its object."""

from __future__ import annotations

import copy
from typing import Any

from stripe_standin import invoicing
from stripe_standin.errors import invalid
from stripe_standin.shapes import listed
from stripe_standin.store import Object
from stripe_standin.world import World

DEEPEST = 4


def expanded(world: World, answer: Any, paths: list[str]) -> Any:
    """An expanded copy. Raises `Refused` for a field that cannot be expanded."""
    whole = copy.deepcopy(answer)
    for path in paths:
        parts = path.split(".")
        if len(parts) > DEEPEST + (parts[0] == "data"):
            raise invalid(f"You cannot expand more than {DEEPEST} levels of a property.", "expand")
        _expand(world, whole, parts, path)
    return whole


def _expand(world: World, thing: Any, parts: list[str], path: str) -> None:
    if not parts or thing is None:
        return
    if isinstance(thing, list):
        for each in thing:
            _expand(world, each, parts, path)
        return
    name, rest = parts[0], parts[1:]
    included = _included(world, thing, name)
    if included is not None:
        thing.setdefault(name, copy.deepcopy(included[name]))
    elif name not in thing:
        raise invalid(f"This property cannot be expanded ({path}).", "expand")
    thing[name] = _found(world, thing[name])
    _expand(world, thing[name], rest, path)


def _found(world: World, value: Any) -> Any:
    if isinstance(value, str):
        return copy.deepcopy(world.store.anything(value)) or value
    if isinstance(value, list):
        return [_found(world, each) for each in value]
    return value


def _included(world: World, thing: Object, name: str) -> dict[str, Any] | None:
    kind = thing.get("object")
    if kind == "invoice" and name in {"payments", "confirmation_secret"}:
        return invoicing.included(world, thing)
    if kind == "customer" and name in {"tax_ids", "subscriptions"}:
        rows = world.store.all({"tax_ids": "tax_id", "subscriptions": "subscription"}[name])
        of = [each for each in rows if each["customer"] == thing["id"] and each.get("status") != "canceled"]
        return {name: listed(of, f"/v1/customers/{thing['id']}/{name}")}
    return None
