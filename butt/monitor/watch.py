"""Watching one bot: connect, ask who it is, and listen to its figures until the connection drops.

A bot is somebody's program: it is heard at most once a second, and how far it says its feed goes is believed only with the
signed message that shows it.
"""

import asyncio
import logging
import socket
import time
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple, TypeAlias

from pydantic import AwareDatetime, BaseModel, Field, NonNegativeInt, ValidationError, field_validator

from butt.agents.limits import FULL
from butt.agents.proof import shown
from butt.agents.words import storable
from butt.limits.slowed import note
from butt.limits.table import BOT_FIGURES
from butt.monitor.turns import Turns
from scuttlekit import (
    Address,
    CallTimeout,
    ConnectionLost,
    HandshakeFailed,
    KeyPair,
    Peer,
    ProtocolError,
    RemoteError,
    ScuttlebuttError,
    Stream,
    connect,
)
from scuttlekit.frames import Frame
from scuttlekit.handshake import MAIN_NETWORK

log = logging.getLogger("butt.monitor")

EVERY = 10
"""Seconds between a bot's figures, as long as its monitor watches few bots."""


class FigurePace(NamedTuple):
    """Seconds between a bot's figures; and of a bot at which nothing changes, between signs of life, and between figures."""

    every: int = EVERY
    quiet: int = EVERY
    full: int = EVERY


PACE = 1.0
"""Seconds between pushes that are handled. Of those that come in between only the newest is kept."""

SETTLED = 1.0
"""Seconds after which a connection counts as successful, so that the next try is a quick one again."""

PROOF_SECONDS = 2.0
PATIENCE = 20.0
"""Seconds of silence before a bot counts as gone: a busy indexer may not answer for over 5 s. So long a bot that was never
reached may fail to be, before it counts as gone: where thousands are connected to, some are not done in time.
"""

QUICK_PAUSE, QUICK_TRIES = 0.03, 60
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 2.0
"""Seconds between tries: quick ones while a bot may just be starting, then fewer and fewer."""

UNCHANGED = {"unchanged": True}
"""What a bot sends instead of figures that would say the same as the last ones, as PUB.md says."""

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


@dataclass(frozen=True, slots=True)
class Bot:
    """Which bot to watch, and where: `network` is the key of its network."""

    id: uuid.UUID
    address: Address
    network: bytes = MAIN_NETWORK


class Feed:
    """How far a bot's feed goes according to signed messages."""

    def __init__(self, bot: Bot) -> None:
        self._bot = bot
        self._doubted = self._refused = 0
        self.shown = 0

    def begin(self) -> None:
        """Called for a new connection, over which the bot may show more than over the last one."""
        self._refused = 0

    async def look(self, peer: Peer, said: int) -> bool:
        """Ask the bot for its newest message if it claims a newer one; whether it showed one.

        All releases answer this call. One that does not is not believed. Raises ConnectionLost.
        """
        if said <= max(self.shown, self._refused):
            return False
        before = self.shown
        try:
            answer = await peer.call("getLatest", self._bot.address.key, timeout=PROOF_SECONDS)
        except (RemoteError, ProtocolError) as error:
            # The next push is not a reason to ask again, unless it claims more.
            self._refused = said
            log.info("%s does not show its newest message: %s", self._bot.id, error)
            return False
        except CallTimeout:
            return False
        if isinstance(answer, dict):
            self.shown = max(self.shown, shown(answer.get("value"), self._bot.address.key))
        if said > max(self.shown, self._doubted):
            self._doubted = said
            log.warning(
                "%s says that its feed has come to message %d. That is not believed, as it shows %d.",
                *(self._bot.id, said, self.shown),
            )
        return self.shown > before


class WrongBot(Exception):
    """Something answers at the bot's address that is not the bot as it should be."""


class FirstContact:
    """Whether a bot was ever reached, and since when that is tried."""

    def __init__(self) -> None:
        self.is_made = False
        self._since = 0.0

    def begin(self) -> None:
        self._since = self._since or time.monotonic()

    def may_come(self, error: Exception) -> bool:
        """Whether such an error says nothing of the bot yet: whoever refuses a connection or a call says enough."""
        if self.is_made or not isinstance(error, HandshakeFailed | ConnectionLost | CallTimeout):
            return False
        return time.monotonic() - self._since < PATIENCE


Paces: TypeAlias = Callable[[], FigurePace]
"""Called for each connection."""

Attend: TypeAlias = Callable[[uuid.UUID, Peer], Coroutine[Any, Any, None]]
"""What else is done over the connection to a bot that has proven its identity; it is cancelled when the connection ends."""


async def watch(
    bot: Bot,
    keys: KeyPair,
    tell: Callable[[uuid.UUID, BotFigures | None, str], Awaitable[None]],
    attend: Attend | None = None,
    pace: Paces = FigurePace,
    turns: Turns | None = None,
) -> None:
    """Watch for ever, reporting each change; cancel it to stop. A drop is reported once, not at each try."""
    tries, told, feed, first = 0, "", Feed(bot), FirstContact()
    turns = turns or Turns()
    while True:
        began = time.monotonic()
        try:
            async for figures in _figures(bot, keys, feed, first, attend, pace(), turns):
                told, first.is_made = "", True
                # A bot that hangs up after each push is not heard more often than one that stays connected.
                tries = 0 if time.monotonic() - began > SETTLED else tries
                await tell(bot.id, figures, "")
            trouble = "It ended the connection."
        except (ScuttlebuttError, WrongBot, OSError, TimeoutError) as error:
            trouble = told if first.may_come(error) else _why(bot, error)
        if trouble != told:
            await tell(bot.id, None, trouble)
            told = trouble
        tries += 1
        await asyncio.sleep(_pause(tries))


def _why(bot: Bot, error: Exception) -> str:
    cause = error.__cause__
    if isinstance(cause, socket.gaierror) and cause.errno in (socket.EAI_NONAME, socket.EAI_NODATA):
        return (
            f"Its name {bot.address.host} does not resolve: it needs a DNS record that leads to its machine."
        )
    return storable(str(error)) or type(error).__name__


def _pause(tries: int) -> float:
    if tries <= QUICK_TRIES:
        return QUICK_PAUSE
    return float(min(FIRST_PAUSE * 1.2 ** min(tries - QUICK_TRIES, 30), LONGEST_PAUSE))


async def _figures(
    bot: Bot,
    keys: KeyPair,
    feed: Feed,
    first: FirstContact,
    attend: Attend | None,
    pace: FigurePace,
    turns: Turns,
) -> AsyncGenerator[BotFigures]:
    feed.begin()
    async with AsyncExitStack() as stack:
        async with turns.one():
            first.begin()
            connection = connect(bot.address, keys, timeout=PATIENCE, network=bot.network)
            peer = await stack.enter_async_context(connection)
            answer = await peer.call("whoami", timeout=PATIENCE)
        if not isinstance(answer, dict) or answer.get("id") != bot.address.key:
            raise WrongBot("A different identity answers at the bot's address.")
        async with (
            _beside(attend, bot, peer),
            aclosing(_pushes(bot, peer, pace)) as pushes,
        ):
            figures = None
            async for pushed in pushes:
                is_first, is_new = figures is None, pushed != UNCHANGED
                if figures is None or is_new:
                    figures = _checked(pushed)
                said = figures.sequence
                if is_first:
                    # That it is alive is reported at once: while it indexes, it may take long to show a message.
                    yield figures.model_copy(update={"sequence": feed.shown, "said": said})
                if await feed.look(peer, said) or (is_new and not is_first):
                    yield figures.model_copy(update={"sequence": feed.shown, "said": said})


def _checked(pushed: Any) -> BotFigures:
    try:
        return BotFigures.model_validate(pushed)
    except ValidationError as error:
        raise WrongBot(f"The bot sends invalid figures: {error.errors()[0]['msg']}") from None


async def _pushes(bot: Bot, peer: Peer, pace: FigurePace) -> AsyncGenerator[Any]:
    """The bot's pushes, at most one in each `PACE`: the newest."""
    stream, not_before = peer.listen("butt.figures", pace._asdict()), 0.0
    try:
        while True:
            async with asyncio.timeout(pace.quiet + PATIENCE):
                frame = await _newest(bot, stream, not_before)
            if frame is None:
                return
            not_before = time.monotonic() + PACE
            yield frame.value
    finally:
        stream.abort()


async def _newest(bot: Bot, stream: Stream, not_before: float) -> Frame | None:
    """The newest frame that has arrived by then, None at the end. Older ones are not even decoded."""
    size, newest = 0, None
    while frames := await stream.take():
        newest = frames[-1]
        size += sum(len(frame.body) for frame in frames)
        if size > BOT_FIGURES.most:
            note(BOT_FIGURES, f"bot {bot.id}")
            raise WrongBot(f"The bot sends more than {BOT_FIGURES.most} bytes of figures in a second.")
        if (early := not_before - time.monotonic()) > 0:
            await asyncio.sleep(early)
        if not stream.queued:
            break
    return newest


@asynccontextmanager
async def _beside(attend: Attend | None, bot: Bot, peer: Peer) -> AsyncIterator[None]:
    task = asyncio.create_task(attend(bot.id, peer)) if attend else None
    try:
        yield
    finally:
        if task:
            task.cancel()
