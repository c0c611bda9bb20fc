"""The journal of who did what to which bot."""

from typing import Any

from butt.agents.models import Agent, JournalEntry


def note(bot: Agent, actor: Agent | str, what: str, **detail: Any) -> None:
    """Write one line; `actor` is the person, or the name of a part of the service."""
    who = actor if isinstance(actor, str) else str(actor.id)
    JournalEntry.objects.create(bot_id=bot.id, bot_name=bot.name, actor=who, what=what, detail=detail)
