"""The shapes of requests and answers. Times are ISO 8601 in UTC, sizes in bytes, durations in seconds."""

import uuid
from datetime import datetime
from typing import Any, Literal

from ninja import Field, Schema
from pydantic import AliasGenerator, ConfigDict, JsonValue, field_validator
from pydantic.alias_generators import to_snake

from butt.agents.models import Role
from butt.agents.traffic import TrafficOfMonth
from butt.agents.view import View
from butt.public.api.codes import CODES
from butt.services.interface import LONGEST_NAME
from butt.services.known import USUAL


class Problem(Schema):
    code: str = Field(json_schema_extra={"enum": list[JsonValue](CODES)})
    message: str
    field: str | None = None


class Error(Schema):
    error: Problem


class Shape(Schema):
    """What we answer. A field that no function gives is read from the row: `doneAt` is its `done_at`."""

    model_config = ConfigDict(
        alias_generator=AliasGenerator(validation_alias=to_snake), validate_by_name=True
    )


REFUSALS: dict[Any, Any] = {401: Error, 404: Error, 409: Error, 422: Error}
"""The refusals of most operations on a bot."""

REFUSALS_WITH_MONEY: dict[Any, Any] = {**REFUSALS, 402: Error}
"""The same, for operations that can be refused because a payment is due."""


class Body(Schema):
    """What is sent to us. Unknown fields are refused: a misspelt one would otherwise be ignored silently."""

    model_config = ConfigDict(extra="forbid")

    @field_validator("*")
    @classmethod
    def _text_that_can_be_kept(cls, value: Any) -> Any:
        """JSON can contain a lone surrogate, which neither a database nor a password hash accepts.

        Other invisible characters are left to each field's own rule, which has a code and a message for them.
        """
        if isinstance(value, str):
            try:
                value.encode()
            except UnicodeEncodeError:
                raise ValueError("this contains half of a surrogate pair, which is not valid text") from None
        return value


class NewAgent(Body):
    type: Literal["bot"]
    name: str = Field(max_length=200)
    service: str = Field(
        USUAL,
        max_length=LONGEST_NAME,
        description="`pub`, or `room`, which keeps no messages. It cannot be changed.",
    )
    network: str = Field(
        "main",
        max_length=100,
        description="`main`, `oasis`, or a network key of 32 bytes in base64. It cannot be changed.",
    )
    description: str = ""


class LimitsChange(Body):
    """For each field given: a number, or null for the operator's limit."""

    disk: int | None = Field(None, description="Bytes of all.")
    blobs: int | None = Field(None, description="Bytes of all blobs.")
    blob: int | None = Field(None, description="Bytes of the largest blob that is fetched.")
    farBlobDays: int | None = Field(
        None, description="How many days blobs stay that neither it nor anybody it follows links to."
    )
    traffic: int | None = Field(None, description="Bytes in and out in a month.")


class LimitsShape(Schema):
    disk: int | None = None
    blobs: int | None = None
    blob: int | None = None
    farBlobDays: int | None = None
    traffic: int | None = None


class RemovedShape(Schema):
    blobs: int
    bytes: int


class RoomShape(Schema):
    most: int
    log: int
    blobs: int
    rest: int
    takes: Literal["all", "members", "none"]
    removed: RemovedShape


class AgentChange(Body):
    description: str | None = None
    hops: int | None = None
    roomMode: str | None = None
    announced: bool | None = None
    limits: LimitsChange | None = None


class Bandwidth(Schema):
    in_: int | None = Field(alias="in")
    out: int | None


class MonthShape(Schema):
    """The network traffic of this month, in UTC."""

    month: str
    in_: int = Field(alias="in")
    out: int
    most: int | None = None


class Status(Schema):
    alive: bool
    uptime: int | None
    disk: int | None
    bandwidth: Bandwidth
    memory: int | None
    peers: int | None
    room: RoomShape | None = None
    traffic: MonthShape | None = None
    observedAt: datetime | None


class AgentShape(Schema):
    id: uuid.UUID
    type: Literal["person", "bot"]
    name: str
    description: str
    service: str
    network: str | None = None
    hops: int | None = None
    roomMode: str | None = None
    announced: bool | None = None
    limits: LimitsShape | None = None
    address: str | None = None
    ssbId: str | None = None
    state: str | None = None
    reason: str | None = None
    reasonCode: str | None = None
    wanted: str | None = None
    release: str | None = None
    status: Status | None = None


class Agents(Schema):
    agents: list[AgentShape]


class BelongsShape(Shape):
    sourceAgentId: uuid.UUID
    targetAgentId: uuid.UUID
    role: Role


class AllBelongs(Schema):
    belongs: list[BelongsShape]


def _month(traffic: TrafficOfMonth) -> dict[str, Any]:
    shape = {"month": traffic.month, "in": traffic.came_in, "out": traffic.went_out}
    return shape if traffic.most is None else {**shape, "most": traffic.most}


def agent_shape(view: View) -> dict[str, Any]:
    """One agent in the form of the contract; a person has only the first five fields."""
    agent, shape = view.agent, {}
    if view.is_bot:
        shape = {
            "network": view.network,
            "hops": view.hops,
            "roomMode": view.room_mode,
            "announced": view.announced,
            "limits": view.limits,
            "address": view.address,
            "ssbId": view.ssb_id,
            "state": view.state,
            "reason": view.reason or None,
            "reasonCode": view.reason_code or None,
            "wanted": view.wanted,
            "release": view.release or None,
            "status": {
                "alive": view.alive,
                "uptime": view.uptime,
                "disk": view.disk,
                "bandwidth": {"in": view.bytes_in, "out": view.bytes_out},
                "memory": view.memory,
                "peers": view.peers,
                **({"room": view.room} if view.room else {}),
                **({"traffic": _month(view.traffic)} if view.traffic else {}),
                "observedAt": view.observed_at,
            },
        }
    return {
        "id": agent.id,
        "type": agent.type,
        "name": agent.name,
        "description": agent.description,
        "service": agent.service,
        **shape,
    }
