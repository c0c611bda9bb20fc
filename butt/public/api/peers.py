"""The operations on whom a bot follows, and which other pubs it joins."""

import uuid
from datetime import datetime
from typing import Any

from django.http import HttpRequest
from ninja import Field, Router, Schema, Status

from butt.agents.actions import Refused
from butt.agents.bots import bot_by_id
from butt.agents.models import Role
from butt.peers import following, joining, members
from butt.peers.following import Relation
from butt.peers.members import BotMember
from butt.peers.models import OtherPub
from butt.public.api.bearer import caller
from butt.public.api.shapes import REFUSALS, Body, Error

router = Router(tags=["peers"])
WIRE: dict[str, Any] = {"exclude_unset": True, "by_alias": True}


class NewPeer(Body):
    invite: str | None = Field(None, max_length=1000, description="Another pub's invite, as its code.")
    address: str | None = Field(
        None, max_length=1000, description="The address of another pub to connect with."
    )


class PeerShape(Schema):
    id: uuid.UUID
    address: str
    askedAt: datetime
    joinedAt: datetime | None
    reason: str | None


class PeerList(Schema):
    peers: list[PeerShape]


class Change(Body):
    relation: Relation


class Related(Schema):
    ssbId: str
    relation: Relation


class ByInvite(Schema):
    id: uuid.UUID
    name: str


class MemberShape(Schema):
    ssbId: str
    name: str | None = None
    relation: Relation
    since: datetime | None = None
    invite: ByInvite | None = None
    lastSeen: datetime | None = None
    messages: int
    bytes: int
    blobBytes: int
    aliases: list[str] | None = None


class MemberList(Schema):
    members: list[MemberShape]
    total: int
    next: int | None = None


@router.get("/agents/{agent_id}/peers", response={200: PeerList, **REFUSALS}, **WIRE)
def peers(request: HttpRequest, agent_id: uuid.UUID) -> Any:
    """The other pubs that the bot was told to join, the latest first, with the results."""
    bot = bot_by_id(caller(request), agent_id)
    return {"peers": [_shape(row) for row in joining.joined_by(bot)]}


@router.post("/agents/{agent_id}/peers", response={202: PeerShape, **REFUSALS}, **WIRE)
def add_peer(request: HttpRequest, agent_id: uuid.UUID, body: NewPeer) -> Any:
    """Have the bot use another pub's invite, or connect with its address. The list shows the result."""
    person = caller(request)
    bot = bot_by_id(person, agent_id)
    given = [text for text in (body.invite, body.address) if text is not None]
    if len(given) != 1:
        raise Refused("bad_invite", "Give either the invite of another pub or its address.", "invite")
    return Status(202, _shape(joining.ask(person, bot, given[0])))


@router.get("/agents/{agent_id}/members", response={200: MemberList, 503: Error, **REFUSALS}, **WIRE)
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
    bot = bot_by_id(caller(request), agent_id, Role.MODERATOR)
    relations = members.SHOWN if relation is None else (relation,)
    page = members.find(bot, text=q, sort=sort, relations=relations, after=after)
    return {
        "members": [_member(member) for member in page.members],
        "total": page.total,
        **({} if page.next is None else {"next": page.next}),
    }


@router.put(
    "/agents/{agent_id}/members/{path:ssb_id}", response={200: Related, 503: Error, **REFUSALS}, **WIRE
)
def relate(request: HttpRequest, agent_id: uuid.UUID, ssb_id: str, body: Change) -> Any:
    """Have the bot follow or block a feed, or neither."""
    person = caller(request)
    feed = following.relate(person, bot_by_id(person, agent_id, Role.MODERATOR), ssb_id, body.relation)
    return {"ssbId": feed, "relation": body.relation}


def _member(member: BotMember) -> dict[str, Any]:
    invite = member.invite
    optional = {
        "name": member.name or None,
        "since": member.since,
        "invite": {"id": invite.id, "name": invite.name} if invite else None,
        "lastSeen": member.last_seen,
        "aliases": list(member.aliases) or None,
    }
    return {
        "ssbId": member.ssb_id,
        "relation": member.relation,
        "messages": member.messages,
        "bytes": member.size,
        "blobBytes": member.blob_size,
        **{name: value for name, value in optional.items() if value is not None},
    }


def _shape(row: OtherPub) -> dict[str, Any]:
    return {
        "id": row.id,
        "address": row.address,
        "askedAt": row.asked_at,
        "joinedAt": row.done_at,
        "reason": row.trouble or None,
    }
