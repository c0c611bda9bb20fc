"""Watching one bot: connect, ask who it is, listen to its figures until the connection drops."""

import asyncio
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeAlias

from pydantic import AwareDatetime, BaseModel, Field, NonNegativeInt, ValidationError, field_validator

from butt.agents.words import storable
from scuttlekit import Address, KeyPair, Peer, ScuttlebuttError, connect
from scuttlekit.handshake import MAIN_NETWORK

EVERY = 10
PATIENCE = 20.0
"""Seconds of silence before a bot counts as gone: a busy indexer may not answer for over 5 s."""

QUICK_PAUSE, QUICK_TRIES = 0.03, 60
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 2.0
"""Seconds between tries: quick ones while a bot may just be starting, then fewer and fewer."""

_Big = Field(ge=0, le=2**63 - 1)


class Peers(BaseModel):
    in_: NonNegativeInt = Field(0, alias="in", le=10**9)
    out: NonNegativeInt = Field(0, le=10**9)


class Indexing(BaseModel):
    current: int = Field(-1, ge=-1, le=2**53)
    target: int = Field(-1, ge=-1, le=2**53)


class Figures(BaseModel):
    """What the pub's plugin `butt` pushes, checked: a bot is somebody's program and may say anything."""

    launch: int = Field(ge=0, le=2**31 - 1)
    startedAt: AwareDatetime
    memory: int = _Big
    bytesIn: int = _Big
    bytesOut: int = _Big
    disk: int | None = Field(None, ge=0, le=2**63 - 1)
    sequence: int = _Big
    catchingUp: bool | None = None
    peers: Peers
    messages: int = Field(0, ge=0, le=2**53)
    feeds: int = Field(0, ge=0, le=2**53)
    hops: int | None = Field(None, ge=0, le=100)
    indexing: Indexing = Field(default_factory=Indexing)

    @field_validator("startedAt")
    @classmethod
    def _in_our_time(cls, at: datetime) -> datetime:
        """A year that no database holds, or no time zone can shift, is no start of a process."""
        if not 2000 < at.year < 3000:  # noqa: PLR2004
            raise ValueError("it says it started in another age")
        return at.astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Bot:
    """Which bot to watch, and where: `network` is the key of its network."""

    id: uuid.UUID
    address: Address
    network: bytes = MAIN_NETWORK


Attend: TypeAlias = Callable[[uuid.UUID, Peer], Coroutine[Any, Any, None]]
"""What is done beside over the connection to a bot that has proven to be itself; it is cancelled with it."""


class WrongBot(Exception):
    """Something answers at the bot's address that is not the bot as it should be."""


async def watch(
    bot: Bot,
    keys: KeyPair,
    tell: Callable[[uuid.UUID, Figures | None, str], Awaitable[None]],
    attend: Attend | None = None,
) -> None:
    """Watch for ever, telling each change; cancelled to stop. It tells of a drop once, not at each try."""
    tries, told = 0, ""
    while True:
        try:
            async for figures in _figures(bot, keys, attend):
                tries, told = 0, ""
                await tell(bot.id, figures, "")
            trouble = "It ended the connection."
        except (ScuttlebuttError, WrongBot, OSError, TimeoutError) as error:
            trouble = storable(str(error)) or type(error).__name__
        if trouble != told:
            await tell(bot.id, None, trouble)
            told = trouble
        tries += 1
        await asyncio.sleep(_pause(tries))


def _pause(tries: int) -> float:
    if tries <= QUICK_TRIES:
        return QUICK_PAUSE
    return float(min(FIRST_PAUSE * 1.2 ** min(tries - QUICK_TRIES, 30), LONGEST_PAUSE))


async def _figures(bot: Bot, keys: KeyPair, attend: Attend | None = None) -> AsyncGenerator[Figures]:
    async with connect(bot.address, keys, timeout=PATIENCE, network=bot.network) as peer:
        answer = await peer.call("whoami", timeout=PATIENCE)
        if not isinstance(answer, dict) or answer.get("id") != bot.address.key:
            raise WrongBot("Another identity than the bot's own answers at its address.")
        async with (
            _beside(attend, bot, peer),
            aclosing(peer.source("butt.figures", {"every": EVERY})) as stream,
        ):
            while True:
                try:
                    item = await asyncio.wait_for(anext(stream), EVERY + PATIENCE)
                    yield Figures.model_validate(item)
                except StopAsyncIteration:
                    return
                except ValidationError as error:
                    raise WrongBot(
                        f"The bot sends figures that make no sense: {error.errors()[0]['msg']}"
                    ) from None


@asynccontextmanager
async def _beside(attend: Attend | None, bot: Bot, peer: Peer) -> AsyncIterator[None]:
    task = asyncio.create_task(attend(bot.id, peer)) if attend else None
    try:
        yield
    finally:
        if task:
            task.cancel()
