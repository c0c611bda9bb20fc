"""Bots for lists, with only the fields needed: loading whole rows would take five times as long."""

import uuid
from collections import namedtuple
from collections.abc import Sequence
from itertools import accumulate
from typing import Any, cast

from django.db.models import QuerySet

from butt.agents.bots import bots
from butt.agents.models import Agent
from butt.agents.prepared import Prepared

_OF_THE_BOT = ("id", "type", "name")
_ROWS = {
    "wanted": ("network", "run", "paid", "gone_at", "restarts", "upgrades", "blocked", "suspended"),
    "progress": (
        "state", "reason", "notice", "move_notice", "restarts", "upgrades", "launch", "address", "port",
        "ssb_id",
    ),
    "observed": ("alive", "launch", "at", "catching_up"),
}  # fmt: skip
_FIELDS = [*_OF_THE_BOT, *(f"{row}__{field}" for row, fields in _ROWS.items() for field in fields)]


def _tuple(name: str, fields: Sequence[str]) -> Any:
    return namedtuple(name, fields)  # noqa: PYI024 - the fields stand above, as the query needs them too


_Line = _tuple("_Line", (*_OF_THE_BOT, *_ROWS))
_ENDS = list(accumulate(map(len, _ROWS.values()), initial=len(_OF_THE_BOT)))
_PLACES = [
    (_tuple(row, fields), begin, end)
    for (row, fields), begin, end in zip(_ROWS.items(), _ENDS, _ENDS[1:], strict=False)
]


_NOBODY, _NO_BOT = uuid.UUID(int=1), uuid.UUID(int=2)
_of_person = Prepared(
    lambda person: bots().filter(belongs_to__target_agent=person).order_by("name").values_list(*_FIELDS),
    _NOBODY,
)
_one = Prepared(
    lambda person, bot: bots().filter(id=bot, belongs_to__target_agent=person).values_list(*_FIELDS),
    _NOBODY,
    _NO_BOT,
)


def summarise(found: QuerySet[Agent]) -> list[Agent]:
    """`found`, with just the fields that a bot's state and its place in a list need.

    The results are not models: they look like bots with fewer fields, and using a missing field is an error.
    """
    return [_line(values) for values in found.values_list(*_FIELDS)]


def summaries_of(person: Agent) -> list[Agent]:
    """The bots that belong to `person`, by name."""
    return [_line(values) for values in _of_person(person.id)]


def summary_by_id(person: Agent, bot_id: uuid.UUID) -> Agent:
    """One bot. Raises `Agent.DoesNotExist` for unknown bots and for other people's bots alike."""
    if (values := _one.first(person.id, bot_id)) is None:
        raise Agent.DoesNotExist
    return _line(values)


def _line(values: Sequence[Any]) -> Agent:
    rows = [row._make(values[begin:end]) for row, begin, end in _PLACES]
    return cast("Agent", _Line(*values[: len(_OF_THE_BOT)], *rows))
