"""Stripe's form encoding: `items[0][price]=…` becomes lists and dicts of strings."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qsl

from stripe_standin.errors import invalid

_PARTS = re.compile(r"\[([^\[\]]*)\]")
DEEPEST = 12


def decode(encoded: str) -> dict[str, Any]:
    """Raises `Refused` if a key cannot be read."""
    tree: dict[str, Any] = {}
    for key, value in parse_qsl(encoded, keep_blank_values=True):
        head, bracket, _ = key.partition("[")
        path = [head, *_PARTS.findall(key[len(head) :])] if bracket else [key]
        if len(path) > DEEPEST:
            raise invalid(f"Invalid parameter name: {key}", key)
        _put(tree, path, value, key)
    return {name: _lists(value) for name, value in tree.items()}


def _put(tree: dict[str, Any], path: list[str], value: str, key: str) -> None:
    for part in path[:-1]:
        tree = tree.setdefault(part or str(len(tree)), {})
        if not isinstance(tree, dict):
            raise invalid(f"Invalid parameter name: {key}", key)
    tree[path[-1] or str(len(tree))] = value


def _lists(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    inner = {name: _lists(each) for name, each in value.items()}
    if inner and all(name.isdecimal() for name in inner):
        return [inner[name] for name in sorted(inner, key=int)]
    return inner
