"""Bots as lists show them, where the whole rows would take five times as long to make."""

from types import SimpleNamespace
from typing import Any, cast

from django.db.models import QuerySet

from butt.agents.models import Agent

_OF_THE_BOT = ("id", "type", "name")
_ROWS = {
    "wanted": ("run", "paid", "gone_at", "restarts", "upgrades"),
    "progress": (
        "state", "reason", "notice", "restarts", "upgrades", "launch", "address", "port", "ssb_id",
    ),
    "observed": ("alive", "launch", "at", "catching_up"),
}  # fmt: skip
_FIELDS = [*_OF_THE_BOT, *(f"{row}__{field}" for row, fields in _ROWS.items() for field in fields)]


def lines(found: QuerySet[Agent]) -> list[Agent]:
    """`found`, with as much of each bot as its standing and its place in a list need.

    They are no models: they look like bots with fewer fields, and a field that they lack is an error.
    """
    return [cast("Agent", _line(values)) for values in found.values_list(*_FIELDS)]


def _line(values: tuple[Any, ...]) -> SimpleNamespace:
    at = len(_OF_THE_BOT)
    line = SimpleNamespace()
    line.__dict__.update(zip(_OF_THE_BOT, values, strict=False))
    for row, fields in _ROWS.items():
        part = SimpleNamespace()
        part.__dict__.update(zip(fields, values[at:], strict=False))
        setattr(line, row, part)
        at += len(fields)
    return line
