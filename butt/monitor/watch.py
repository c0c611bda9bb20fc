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
from typing import Any, NamedTuple, TypeAlias

from pydantic import ValidationError

from butt.agents.proof import shown
from butt.agents.words import storable
from butt.limits.slowed import note
from butt.limits.table import BOT_FIGURES
from butt.monitor.bot_figures import BotFigures
from butt.monitor.signs import PACE, UNCHANGED, SignsOfLife, Silences
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
from scuttlekit.backoff import backoff
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


SETTLED = 1.0
"""Seconds after which a connection counts as successful, so that the next try is a quick one again."""

PROOF_SECONDS = 2.0
PATIENCE = 20.0
"""Seconds of silence before a bot counts as gone: a busy indexer may not answer for over 5 s. So long a bot that was never
reached may fail to be, before it counts as gone: where thousands are connected to, some are not done in time.
"""

FIRST_PAUSE, LONGEST_PAUSE, GROWTH = 0.03, 2.0, 1.1
"""Seconds between tries, and how much longer each pause is than the one before: a bot that starts is found a tenth of the time
late that it took. Many that start at once take long, and tries would slow them down.
"""


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

    def is_settled(self, said: int) -> bool:
        """Whether there is nothing to ask a bot that claims to have come so far."""
        return said <= max(self.shown, self._refused)

    async def look(self, peer: Peer, said: int) -> bool:
        """Ask the bot for its newest message if it claims a newer one; whether it showed one.

        All releases answer this call. One that does not is not believed. Raises ConnectionLost.
        """
        if self.is_settled(said):
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
    silences: Silences | None = None,
) -> None:
    """Watch for ever, reporting each change; cancel it to stop. A drop is reported once, not at each try."""
    tries, reported, feed, first = 0, "", Feed(bot), FirstContact()
    turns, silences = turns or Turns(), silences if silences is not None else Silences()
    while True:
        began = time.monotonic()
        try:
            async for figures in _figures(bot, keys, feed, first, attend, pace(), turns, silences):
                reported, first.is_made = "", True
                # A bot that hangs up after each push is not heard more often than one that stays connected.
                tries = 0 if time.monotonic() - began > SETTLED else tries
                await tell(bot.id, figures, "")
            trouble = "It ended the connection."
        except (ScuttlebuttError, WrongBot, OSError, TimeoutError) as error:
            trouble = reported if first.may_come(error) else _why(bot, error)
        if trouble != reported:
            await tell(bot.id, None, trouble)
            reported = trouble
        tries += 1
        await asyncio.sleep(backoff(tries, FIRST_PAUSE, LONGEST_PAUSE, GROWTH))


def _why(bot: Bot, error: Exception) -> str:
    cause = error.__cause__
    if isinstance(cause, socket.gaierror) and cause.errno in (socket.EAI_NONAME, socket.EAI_NODATA):
        return (
            f"Its name {bot.address.host} does not resolve: it needs a DNS record that leads to its machine."
        )
    return storable(str(error)) or type(error).__name__


async def _figures(
    bot: Bot,
    keys: KeyPair,
    feed: Feed,
    first: FirstContact,
    attend: Attend | None,
    pace: FigurePace,
    turns: Turns,
    silences: Silences,
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
        async with _beside(attend, bot, peer):
            stream = peer.listen("butt.figures", pace._asdict())
            signs = SignsOfLife(silences[pace.quiet + PATIENCE], stream.abort)
            stream.skip = signs.take
            async with aclosing(_pushes(bot, stream, signs)) as pushes:
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
                    signs.suffice = feed.is_settled(said)


def _checked(pushed: Any) -> BotFigures:
    try:
        return BotFigures.model_validate(pushed)
    except ValidationError as error:
        raise WrongBot(f"The bot sends invalid figures: {error.errors()[0]['msg']}") from None


async def _pushes(bot: Bot, stream: Stream, signs: SignsOfLife) -> AsyncGenerator[Any]:
    """The bot's pushes, at most one in each `PACE`: the newest."""
    not_before = 0.0
    try:
        while frame := await _newest(bot, stream, not_before):
            not_before = time.monotonic() + PACE
            yield frame.value
        if signs.is_silent:
            raise CallTimeout("It has not said anything for too long.")
    finally:
        signs.end()
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
