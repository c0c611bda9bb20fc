"""The journal: who did what to which bot or machine."""

import uuid
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from butt.agents.models import Agent, JournalEntry
from butt.agents.prepared import PreparedModels

STATES_KEPT = timedelta(days=366)
"""How long the states of a bot are kept, as charts show a year. What people did is kept for ever."""

MOST_ROWS = 500


def note(bot: Agent, actor: Agent | str, what: str, **detail: Any) -> None:
    """Write one entry; `actor` is the person, or the name of a part of the service."""
    note_on(bot.id, bot.name, actor, what, **detail)


def note_on(about: uuid.UUID, name: str, actor: Agent | str, what: str, **detail: Any) -> None:
    """Write one entry about a machine, or whatever else is no bot, with its id and name in place of a bot's."""
    JournalEntry.objects.create(bot_id=about, bot_name=name, actor=id_of(actor), what=what, detail=detail)


def id_of(actor: Agent | str) -> str:
    """How entries name who did something: the id of a person, or the name of a part of the service."""
    return actor if isinstance(actor, str) else str(actor.id)


def happened(bot_id: uuid.UUID, since: datetime, what: Collection[str]) -> list[JournalEntry]:
    """The latest journal entries of these kinds about a bot, oldest first; 100 at most."""
    return list(_latest(tuple(what))(bot_id, since))[::-1]


@cache
def _latest(what: tuple[str, ...]) -> PreparedModels:
    return PreparedModels(
        lambda bot, since: JournalEntry.objects.filter(bot_id=bot, at__gte=since, what__in=what).order_by(
            "-at", "-id"
        )[:100],
        uuid.UUID(int=1),
        datetime(2000, 1, 1, tzinfo=UTC),
    )


def prune_states(now: datetime) -> bool:
    """One step: delete some of the old state entries. Returns whether there may be more to do."""
    states = JournalEntry.objects.filter(actor="steward", what__startswith="#", at__lt=now - STATES_KEPT)
    ids = list(states.order_by("id").values_list("id", flat=True)[:MOST_ROWS])
    JournalEntry.objects.filter(id__in=ids).delete()
    return len(ids) == MOST_ROWS
