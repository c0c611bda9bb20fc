"""The operations on who shares a bot, and what each person may do."""

import uuid
from datetime import datetime
from typing import Annotated, Any

from django.http import HttpRequest
from ninja import Path, Router, Schema, Status
from pydantic import Field

from butt.accounts import owners
from butt.agents.models import Agent, Role
from butt.billing import takeover
from butt.billing.chosen import billing
from butt.public import sharing
from butt.public.api.bearer import bot_of_caller, caller
from butt.public.api.shapes import REFUSALS_WITH_MONEY, Body, Shape

PositiveInt = Annotated[int, Path(ge=1, le=2**63 - 1)]

router = Router(tags=["people"])


class PersonShape(Shape):
    id: uuid.UUID = Field(validation_alias="target_agent_id")
    name: str = Field(validation_alias="target_agent.name")
    email: str = Field(validation_alias="target_agent.account.email")
    role: Role


class InvitationShape(Shape):
    id: int
    email: str
    role: Role
    expiresAt: datetime


class PersonList(Schema):
    people: list[PersonShape]
    invited: list[InvitationShape] = Field(
        description="People who were invited and have not accepted yet. Only owners get this list."
    )


class Asked(Body):
    email: str = Field(max_length=254)
    role: Role = Role.OWNER


class RoleChange(Body):
    role: Role


@router.get("/agents/{agent_id}/people", response={200: PersonList, **REFUSALS_WITH_MONEY})
def people(request: HttpRequest, agent_id: uuid.UUID) -> Any:
    """Who shares a bot, the earliest first. An owner may do everything with it; a moderator may see its
    figures and look after its members and invites.
    """
    _, bot = bot_of_caller(request, agent_id, Role.MODERATOR)
    return _shape(bot)


@router.post("/agents/{agent_id}/people", response={202: PersonList, **REFUSALS_WITH_MONEY})
def invite(request: HttpRequest, agent_id: uuid.UUID, body: Asked) -> Any:
    """Ask somebody by email to share a bot. They have 7 days; asking again gives them more time."""
    person, bot = bot_of_caller(request, agent_id)
    sharing.invite(person.account, bot, body.email, body.role)
    return Status(202, _shape(bot))


@router.delete(
    "/agents/{agent_id}/people/invited/{invitation_id}", response={204: None, **REFUSALS_WITH_MONEY}
)
def withdraw(request: HttpRequest, agent_id: uuid.UUID, invitation_id: PositiveInt) -> Any:
    """Withdraw an invitation; its link then no longer works."""
    owners.withdraw(*bot_of_caller(request, agent_id), invitation_id)
    return Status(204, None)


@router.put("/agents/{agent_id}/people/{person_id}", response={200: PersonList, **REFUSALS_WITH_MONEY})
def set_role(request: HttpRequest, agent_id: uuid.UUID, person_id: uuid.UUID, body: RoleChange) -> Any:
    """Make somebody who shares a bot an owner or a moderator. 409 for its last owner, and for its payer."""
    person, bot = bot_of_caller(request, agent_id)
    sharing.set_role(person, bot, person_id, body.role)
    return _shape(bot)


@router.delete(
    "/agents/{agent_id}/people/{person_id}", response={202: None, 204: None, **REFUSALS_WITH_MONEY}
)
def remove(request: HttpRequest, agent_id: uuid.UUID, person_id: uuid.UUID) -> Any:
    """Stop sharing a bot with a moderator, or leave it. 202 if the caller pays, and leaves once somebody else
    agrees to.
    """
    if person_id == caller(request).id:
        has_left = takeover.leave(billing(), *bot_of_caller(request, agent_id, Role.MODERATOR))
        return Status(204 if has_left else 202, None)
    sharing.remove(*bot_of_caller(request, agent_id), person_id)
    return Status(204, None)


def _shape(bot: Agent) -> dict[str, Any]:
    invited = owners.invited_to(bot) if bot.role == Role.OWNER else ()
    return {"people": owners.shares_of(bot), "invited": invited}
