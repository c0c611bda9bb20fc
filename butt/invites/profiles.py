"""What a bot's feed should say of the bot, compared with what it was seen to say."""

import uuid
from dataclasses import dataclass

from django.db.models import F

from butt.agents.models import Agent
from butt.invites.models import FeedState


@dataclass(frozen=True)
class BotProfile:
    bot_id: uuid.UUID
    name: str
    description: str


def pending() -> list[BotProfile]:
    """Bots that answer and whose feed says something else, or nothing yet."""
    bots = Agent.objects.filter(type=Agent.Type.BOT, observed__alive=True)
    same = {
        "feed_state__profile_sequence__gt": 0,
        "feed_state__name": F("name"),
        "feed_state__description": F("description"),
    }
    return [BotProfile(*row) for row in bots.exclude(**same).values_list("id", "name", "description")]


def told(profile: BotProfile, sequence: int) -> None:
    """Record that message `sequence` of its feed says so."""
    if not Agent.objects.filter(id=profile.bot_id).exists():
        return
    said = {"name": profile.name, "description": profile.description, "profile_sequence": sequence}
    FeedState.objects.update_or_create(bot_id=profile.bot_id, defaults=said)
