"""The operations on a bot's invites."""

import uuid
from datetime import datetime
from typing import Annotated, Any

from django.http import HttpRequest
from ninja import Field, Header, Router, Schema, Status
from pydantic import AwareDatetime

from butt.agents.models import Agent, Role
from butt.agents.summaries import summary_by_id
from butt.invites import making, opening
from butt.invites.book import InviteEntry, entries
from butt.peers import members
from butt.public.api.bearer import bot_of_caller, caller
from butt.public.api.shapes import REFUSALS, Body, Error

router = Router(tags=["invites"], exclude_unset=True)
Key = Annotated[
    uuid.UUID | None,
    Header(
        alias="Idempotency-Key",
        description="A UUID of your choice. A second call with it returns the existing invite and makes no other.",
    ),
]


class NewInvite(Body):
    name: str = Field(max_length=200)
    uses: int = 1
    expiresAt: AwareDatetime | None = None


class InviteUseShape(Schema):
    ssbId: str
    name: str | None = None
    at: datetime
    messages: int
    lastSeen: datetime | None = None


class InviteShape(Schema):
    id: uuid.UUID
    name: str
    uses: int
    used: list[InviteUseShape]
    code: str
    url: str
    createdAt: datetime
    expiresAt: datetime | None = None
    revokedAt: datetime | None = None


class OpenInvitesChange(Body):
    aDay: int


class OpenInvites(Schema):
    aDay: int
    leftToday: int
    url: str


class InviteList(Schema):
    invites: list[InviteShape]


@router.get("/agents/{agent_id}/invites", response={200: InviteList, **REFUSALS})
def invites(request: HttpRequest, agent_id: uuid.UUID) -> Any:
    """The bot's invites, the newest first, and who joined with them."""
    _, bot = bot_of_caller(request, agent_id, Role.MODERATOR)
    return {"invites": [_shape(entry) for entry in entries(bot)]}


@router.post("/agents/{agent_id}/invites", response={201: InviteShape, 503: Error, **REFUSALS})
def create_invite(
    request: HttpRequest,
    agent_id: uuid.UUID,
    body: NewInvite,
    key: Key = None,
) -> Any:
    """Create an invite. Its name is for you alone: it is not published anywhere."""
    bot = summary_by_id(caller(request), agent_id)
    invite = making.create(
        caller(request), bot, body.name, uses=body.uses, expires_at=body.expiresAt, key=key
    )
    used = list(invite.used.order_by("sequence")) if key else []
    return Status(201, _shape(InviteEntry(invite, bot, used, invite.created_at)))


@router.delete("/agents/{agent_id}/invites/{invite_id}", response={204: None, 503: Error, **REFUSALS})
def revoke_invite(
    request: HttpRequest,
    agent_id: uuid.UUID,
    invite_id: uuid.UUID,
    unfollow: bool = False,
) -> Any:
    """Revoke an invite: the bot lets nobody in by it any more. With `unfollow`, it also unfollows everybody
    who joined with it.
    """
    person, bot = bot_of_caller(request, agent_id, Role.MODERATOR)
    making.revoke(person, bot, invite_id)
    if unfollow:
        members.unfollow_who_came_by(person, bot, invite_id)
    return Status(204, None)


@router.get("/agents/{agent_id}/open-invites", response={200: OpenInvites, **REFUSALS})
def open_invites(request: HttpRequest, agent_id: uuid.UUID) -> Any:
    """How many people a day may come in by the bot's open page."""
    _, bot = bot_of_caller(request, agent_id, Role.MODERATOR)
    return _open_shape(bot)


@router.put("/agents/{agent_id}/open-invites", response={200: OpenInvites, **REFUSALS})
def set_open_invites(request: HttpRequest, agent_id: uuid.UUID, body: OpenInvitesChange) -> Any:
    """Set how many people a day the bot's open page invites; 0 for nobody."""
    person, bot = bot_of_caller(request, agent_id, Role.MODERATOR)
    opening.set_invites_a_day(person, bot, body.aDay)
    return _open_shape(bot)


def _open_shape(bot: Agent) -> dict[str, Any]:
    return {
        "aDay": opening.invites_a_day(bot),
        "leftToday": opening.left_today(bot),
        "url": opening.open_page(bot),
    }


def _shape(entry: InviteEntry) -> dict[str, Any]:
    invite = entry.invite
    return {
        "id": invite.id,
        "name": invite.name,
        "uses": invite.uses,
        "used": [
            {
                "ssbId": use.ssb_id,
                "at": use.at,
                "messages": use.messages,
                **({"name": use.name} if use.name else {}),
                **({"lastSeen": use.seen_at} if use.seen_at else {}),
            }
            for use in entry.used
        ],
        "code": entry.code,
        "url": entry.url,
        "createdAt": invite.created_at,
        "expiresAt": invite.expires_at,
        "revokedAt": invite.revoked_at,
    }
