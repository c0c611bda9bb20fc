"""Finding bots: always through the person they belong to, so that nobody meets another's."""

import uuid

from django.db.models import QuerySet

from butt.agents.models import Agent


def bots() -> QuerySet[Agent]:
    """All bots, each with what is wanted and observed of it, in one query."""
    return Agent.objects.filter(type=Agent.Type.BOT).select_related("wanted", "progress", "observed")


def bots_of(person: Agent) -> QuerySet[Agent]:
    """The bots that belong to `person`, by name."""
    return bots().filter(belongs_to__target_agent=person).order_by("name")


def bot_by_id(person: Agent, bot_id: uuid.UUID) -> Agent:
    """Raises `Agent.DoesNotExist` for an unknown bot and for another person's alike."""
    return bots_of(person).get(id=bot_id)


def bot_by_name(person: Agent, name: str) -> Agent:
    """Raises `Agent.DoesNotExist` for an unknown bot and for another person's alike."""
    return bots_of(person).get(name=name.lower())
