"""The journal of who did what to which bot."""

import uuid
from collections.abc import Collection
from datetime import datetime
from typing import Any

from butt.agents.models import Agent, JournalEntry


def note(bot: Agent, actor: Agent | str, what: str, **detail: Any) -> None:
    """Write one line; `actor` is the person, or the name of a part of the service."""
    who = actor if isinstance(actor, str) else str(actor.id)
    JournalEntry.objects.create(bot_id=bot.id, bot_name=bot.name, actor=who, what=what, detail=detail)


def happened(bot_id: uuid.UUID, since: datetime, what: Collection[str]) -> list[JournalEntry]:
    """The latest of what befell a bot, of these kinds, in the order of time; 100 at most."""
    entries = JournalEntry.objects.filter(bot_id=bot_id, at__gte=since, what__in=what)
    return list(entries.order_by("-at", "-id")[:100])[::-1]
