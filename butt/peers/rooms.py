"""Bots whose pubs do not know about their room yet: who may meet there, and where the pages of aliases
are.
"""

import uuid
from dataclasses import dataclass

from django.db.models import Case, F, Value, When
from django.db.models.functions import Concat

from butt.agents.models import Agent
from butt.configuration import configuration
from butt.invites.book import shows_itself
from butt.peers.models import ToldRoom


@dataclass(frozen=True)
class RoomUpdate:
    """The settings that a bot's room should have; if `aliases_at` is empty, aliases have no pages."""

    bot_id: uuid.UUID
    mode: str
    aliases_at: str


def aliases_at(name: str) -> str:
    """The URL under which the pages of a bot's aliases are."""
    return f"{configuration().public_url}/@{name}"


def pending() -> list[RoomUpdate]:
    """Bots that answer and have a room, but were told something else, or nothing yet."""
    at = Concat(Value(aliases_at("")), F("name"))
    found = Agent.objects.filter(observed__alive=True, observed__attendants__isnull=False).annotate(
        pages=Case(When(shows_itself(), then=at), default=Value(""))
    )
    same = {"told_room__mode": F("wanted__room_mode"), "told_room__aliases_at": F("pages")}
    return [RoomUpdate(*row) for row in found.exclude(**same).values_list("id", "wanted__room_mode", "pages")]


def told(telling: RoomUpdate) -> None:
    """Record what it was told."""
    if not Agent.objects.filter(id=telling.bot_id).exists():
        return
    said = {"mode": telling.mode, "aliases_at": telling.aliases_at}
    ToldRoom.objects.update_or_create(bot_id=telling.bot_id, defaults=said)
