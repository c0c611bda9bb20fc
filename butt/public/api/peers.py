"""The operations on whom a bot follows, and which other pubs it joins."""

import uuid
from datetime import datetime
from typing import Any

from django.http import HttpRequest
from ninja import Field, Router, Schema, Status

from butt.agents.actions import Refused
from butt.agents.models import Role
from butt.peers import following, joining, members
from butt.peers.following import Relation
from butt.peers.members import BotMember
from butt.peers.models import OtherPub
from butt.public.api.bearer import bot_of_caller
from butt.public.api.shapes import REFUSALS, Body, Error, Shape

router = Router(tags=["peers"])


class NewPeer(Body):
    invite: str | None = Field(None, max_length=1000, description="Another pub's invite, as its code.")
    address: str | None = Field(
        None, max_length=1000, description="The address of another pub to connect with."
    )


class PeerShape(Shape):
    id: uuid.UUID
    address: str
    askedAt: datetime
    joinedAt: datetime | None = Field(validation_alias="done_at")
    reason: str | None

    @staticmethod
    def resolve_reason(row: OtherPub) -> str | None:
        return row.trouble or None


class PeerList(Schema):
    peers: list[PeerShape]


class Change(Body):
    relation: Relation


class Related(Schema):
    ssbId: str
    relation: Relation


class ByInvite(Shape):
    id: uuid.UUID
    name: str


class MemberShape(Shape):
    ssbId: str
    name: str | None = None
    relation: Relation
    since: datetime | None = None
    invite: ByInvite | None = None
    lastSeen: datetime | None = None
    messages: int
    bytes: int = Field(validation_alias="size")
    blobBytes: int = Field(validation_alias="blob_size")
    aliases: list[str] | None = None

    @staticmethod
    def resolve_name(member: BotMember) -> str | None:
        return member.name or None

    @staticmethod
    def resolve_aliases(member: BotMember) -> list[str] | None:
        return list(member.aliases) or None


class MemberList(Schema):
    members: list[MemberShape]
    total: int
    next: int | None = None


@router.get("/agents/{agent_id}/peers", response={200: PeerList, **REFUSALS})
def peers(request: HttpRequest, agent_id: uuid.UUID) -> Any:
    """The other pubs that the bot was told to join, the latest first, with the results."""
    _, bot = bot_of_caller(request, agent_id)
    return {"peers": joining.joined_by(bot)}


@router.post("/agents/{agent_id}/peers", response={202: PeerShape, **REFUSALS})
def add_peer(request: HttpRequest, agent_id: uuid.UUID, body: NewPeer) -> Any:
    """Have the bot use another pub's invite, or connect with its address. The list shows the result."""
    person, bot = bot_of_caller(request, agent_id)
    given = [text for text in (body.invite, body.address) if text is not None]
    if len(given) != 1:
        raise Refused("bad_invite", "Give either the invite of another pub or its address.", "invite")
    return Status(202, joining.ask(person, bot, given[0]))


@router.get(
    "/agents/{agent_id}/members", response={200: MemberList, 503: Error, **REFUSALS}, exclude_none=True
)
def list_members(
    request: HttpRequest,
    agent_id: uuid.UUID,
    q: str = "",
    sort: str = "-since",
    relation: Relation | None = None,
    after: int = 0,
) -> Any:
    """Whom the bot follows and blocks, 50 at a time: those whose name or id contains `q`.

    `sort` is since, name, seen, messages, bytes or blobBytes, with a `-` before it for descending order.
    `after` is the `next` of the previous page.
    """
    _, bot = bot_of_caller(request, agent_id, Role.MODERATOR)
    relations = members.SHOWN if relation is None else (relation,)
    return members.find(bot, text=q, sort=sort, relations=relations, after=after)


@router.put("/agents/{agent_id}/members/{path:ssb_id}", response={200: Related, 503: Error, **REFUSALS})
def relate(request: HttpRequest, agent_id: uuid.UUID, ssb_id: str, body: Change) -> Any:
    """Have the bot follow or block a feed, or neither."""
    feed = following.relate(*bot_of_caller(request, agent_id, Role.MODERATOR), ssb_id, body.relation)
    return {"ssbId": feed, "relation": body.relation}
