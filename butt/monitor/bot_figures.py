"""What a bot reports of itself, checked."""

from datetime import UTC, datetime
from typing import Literal

from pydantic import AwareDatetime, BaseModel, Field, NonNegativeInt, field_validator

from butt.agents.limits import FULL

MAKES_ROOM = 94
"""From about this percentage on a pub removes blobs to make room, as PUB.md says."""

_Big = Field(ge=0, le=2**63 - 1)


class PeerCounts(BaseModel):
    in_: NonNegativeInt = Field(0, alias="in", le=10**9)
    out: NonNegativeInt = Field(0, le=10**9)

    @property
    def all(self) -> int:
        return self.in_ + self.out


class Indexing(BaseModel):
    current: int = Field(-1, ge=-1, le=2**53)
    target: int = Field(-1, ge=-1, le=2**53)


class Removed(BaseModel):
    blobs: int = Field(0, ge=0, le=2**53)
    bytes: int = Field(0, ge=0, le=2**53)


class SpaceUsed(BaseModel):
    """What takes up the bot's space, in bytes."""

    most: int = Field(ge=0, le=2**53)
    mostBlobs: int = Field(ge=0, le=2**53)
    log: int = Field(ge=0, le=2**53)
    blobs: int = Field(ge=0, le=2**53)
    rest: int = Field(ge=0, le=2**53)
    takes: Literal["all", "members", "none"]
    removed: Removed = Field(default_factory=Removed)

    @property
    def full(self) -> int:
        """The percentage that is used. It is full as soon as anything is refused or has to go."""
        taken = 100 * (self.log + self.blobs + self.rest) // max(self.most, 1)
        return FULL if self.takes != "all" or taken >= MAKES_ROOM else taken


class Month(BaseModel):
    """A bot's network traffic in a month, in bytes, and how much it may be."""

    month: str = Field(pattern=r"^[0-9]{4}-(0[1-9]|1[0-2])$")
    in_: int = Field(alias="in", ge=0, le=2**53)
    out: int = Field(ge=0, le=2**53)
    most: int = Field(ge=0, le=2**53)


class BotFigures(BaseModel):
    """What the pub's plugin `butt` pushes, validated: a bot is somebody's program and may send anything."""

    launch: int = Field(ge=0, le=2**31 - 1)
    startedAt: AwareDatetime
    memory: int = _Big
    bytesIn: int = _Big
    bytesOut: int = _Big
    disk: int | None = Field(None, ge=0, le=2**63 - 1)
    sequence: int = Field(
        ge=0, le=2**63 - 1, description="How far its feed has come: from here on as far as was shown."
    )
    said: int = Field(0, ge=0, le=2**63 - 1, description="How far its feed has come by its own word.")
    catchingUp: bool | None = None
    peers: PeerCounts
    messages: int = Field(0, ge=0, le=2**53)
    feeds: int = Field(0, ge=0, le=2**53)
    hops: int | None = Field(None, ge=0, le=100)
    indexing: Indexing = Field(default_factory=Indexing)
    room: SpaceUsed | None = None
    traffic: Month | None = None
    attendants: int | None = Field(None, ge=0, le=10**9)
    tunnels: int | None = Field(None, ge=0, le=10**9)
    aliases: int | None = Field(None, ge=0, le=10**9)

    @field_validator("startedAt")
    @classmethod
    def _in_our_time(cls, at: datetime) -> datetime:
        """A year that no database can hold, or no time zone can shift, is not the start of a process."""
        if not 2000 < at.year < 3000:  # noqa: PLR2004
            raise ValueError("it says it started in another age")
        return at.astimezone(UTC)
