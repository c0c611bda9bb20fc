"""An imported bot publishes nothing before it has its own messages; if nobody has them, its owner may say so."""

import uuid
from dataclasses import dataclass

from django.utils import timezone

from butt.agents import journal
from butt.agents.actions import Refused
from butt.agents.models import Agent
from butt.imports.models import Import

MOST_AT_ONCE = 500


@dataclass(frozen=True)
class CaughtUp:
    bot_id: uuid.UUID


def say_caught_up(person: Agent, bot: Agent) -> None:
    """`person` states that there are no newer messages of the bot's own feed. Raises `Refused` `wrong_state`.

    The pub is told once it answers, and refuses if it knows of newer ones.
    """
    if not bot.observed.catching_up:
        raise Refused("wrong_state", f"{bot.name} already has all its own messages.")
    if Import.objects.filter(bot=bot, caught_up_at=None).update(caught_up_at=timezone.now()):
        journal.note(bot, person, "caught-up")


def is_told(bot: Agent) -> bool:
    """Whether its owner has stated it already."""
    return Import.objects.filter(bot=bot, caught_up_at__isnull=False).exists()


def pending() -> list[CaughtUp]:
    """The bots whose pubs have yet to be told."""
    rows = Import.objects.filter(
        caught_up_at__isnull=False, bot__observed__catching_up=True, bot__observed__alive=True
    )
    return [CaughtUp(bot_id) for bot_id in rows.values_list("bot_id", flat=True)[:MOST_AT_ONCE] if bot_id]
