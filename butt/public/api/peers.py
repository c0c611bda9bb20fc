"""The calls about whom a bot follows, and which other pubs it joins."""

import uuid
from datetime import datetime
from typing import Any

from django.http import HttpRequest
from ninja import Field, Router, Schema, Status

from butt.agents.bots import bot_by_id
from butt.agents.wishes import Refused
from butt.peers import following, joining
from butt.peers.following import Relation
from butt.peers.models import OtherPub
from butt.public.api.bearer import caller
from butt.public.api.shapes import Body, Error

router = Router(tags=["peers"])
WIRE: dict[str, Any] = {"exclude_unset": True, "by_alias": True}
REFUSALS = {401: Error, 404: Error, 409: Error, 422: Error}


class NewPeer(Body):
    invite: str | None = Field(None, max_length=1000, description="Another pub's invite, as its code.")
    address: str | None = Field(
        None, max_length=1000, description="Where another pub is, to connect with it."
    )


class Peer(Schema):
    id: uuid.UUID
    address: str
    askedAt: datetime
    joinedAt: datetime | None
    reason: str | None


class Peers(Schema):
    peers: list[Peer]


class Change(Body):
    relation: Relation


class Member(Schema):
    ssbId: str
    relation: Relation


@router.get("/agents/{agent_id}/peers", response={200: Peers, **REFUSALS}, **WIRE)
def peers(request: HttpRequest, agent_id: uuid.UUID) -> Any:
    """The other pubs that the bot was told to join, the latest first, and what came of it."""
    bot = bot_by_id(caller(request), agent_id)
    return {"peers": [_shape(row) for row in joining.joined_by(bot)]}


@router.post("/agents/{agent_id}/peers", response={202: Peer, **REFUSALS}, **WIRE)
def add_peer(request: HttpRequest, agent_id: uuid.UUID, body: NewPeer) -> Any:
    """Have the bot take another pub's invite, or connect with its address. The list tells what came of it."""
    person = caller(request)
    bot = bot_by_id(person, agent_id)
    given = [text for text in (body.invite, body.address) if text is not None]
    if len(given) != 1:
        raise Refused("bad_invite", "Give either the invite of another pub or its address.", "invite")
    return Status(202, _shape(joining.ask(person, bot, given[0])))


@router.put(
    "/agents/{agent_id}/members/{path:ssb_id}", response={200: Member, 503: Error, **REFUSALS}, **WIRE
)
def relate(request: HttpRequest, agent_id: uuid.UUID, ssb_id: str, body: Change) -> Any:
    """Have the bot follow a feed, or follow it no more."""
    person = caller(request)
    feed = following.relate(person, bot_by_id(person, agent_id), ssb_id, body.relation)
    return {"ssbId": feed, "relation": body.relation}


def _shape(row: OtherPub) -> dict[str, Any]:
    return {
        "id": row.id,
        "address": row.address,
        "askedAt": row.asked_at,
        "joinedAt": row.done_at,
        "reason": row.trouble or None,
    }
