"""Finding bots: always through the person they belong to, so that nobody sees another person's bots, and with
that person's role checked.
"""

import uuid

from django.db.models import F, QuerySet

from butt.agents.models import Agent, Belongs, Role
from butt.agents.prepared import PreparedModels


class NotAnOwner(Exception):
    """A moderator asked for something that only owners may do."""

    def __init__(self) -> None:
        super().__init__("You are a moderator of this bot. Only its owners can do this; ask one of them.")


def bots() -> QuerySet[Agent]:
    """All bots, each with what is wanted and observed of it, in one query."""
    return Agent.objects.filter(type=Agent.Type.BOT).select_related("wanted", "progress", "observed")


def bots_of(person: Agent) -> QuerySet[Agent]:
    """The bots that belong to `person`, by name, each with the person's `role`."""
    return _of_person(person.id)


def _of_person(person_id: uuid.UUID) -> QuerySet[Agent]:
    found = bots().filter(belongs_to__target_agent=person_id).order_by("name")
    return found.annotate(role=F("belongs_to__role"))  # type: ignore[no-redef] # `Agent` says that it may be there


_NOBODY, _NO_BOT = uuid.UUID(int=1), uuid.UUID(int=2)
_by_id = PreparedModels(lambda person, bot: _of_person(person).filter(id=bot), _NOBODY, _NO_BOT)
_by_name = PreparedModels(lambda person, name: _of_person(person).filter(name=name), _NOBODY, "no name")


def bot_by_id(person: Agent, bot_id: uuid.UUID, least: Role = Role.OWNER) -> Agent:
    """Raises `Agent.DoesNotExist` for unknown bots and for other people's bots alike, and `NotAnOwner` for a
    moderator if `least` is owner.
    """
    return _checked(_by_id.first(person.id, bot_id), least)


def bot_by_name(person: Agent, name: str, least: Role = Role.OWNER) -> Agent:
    """Raises `Agent.DoesNotExist` for unknown bots and for other people's bots alike, and `NotAnOwner` for a
    moderator if `least` is owner.
    """
    return _checked(_by_name.first(person.id, name.lower()), least)


def ownerships() -> QuerySet[Belongs]:
    """Who owns which bot; for each bot, the earliest owner first."""
    return Belongs.objects.filter(role=Role.OWNER).order_by("id")


def _checked(bot: Agent | None, least: Role) -> Agent:
    if bot is None:
        raise Agent.DoesNotExist
    if least is Role.OWNER and bot.role != Role.OWNER:
        raise NotAnOwner
    return bot
