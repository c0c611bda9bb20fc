"""Listening to what bots' feeds say about guests, over the connections that are kept anyway.

What is heard waits in a bounded queue: if the database is away or slow, a bot's stream waits as well, and starts again from
what is saved if it waits too long.
"""

import asyncio
import logging
import uuid
from collections import defaultdict
from contextlib import aclosing, suppress
from datetime import UTC, datetime
from typing import Any

from asgiref.sync import sync_to_async
from pydantic import BaseModel, Field, ValidationError, field_validator

from butt.invites.guestbook import (
    GuestActivity,
    GuestArrival,
    Name,
    News,
    clean_name,
    clean_note,
    positions,
    write,
)
from scuttlekit import Peer, RemoteError, ScuttlebuttError

log = logging.getLogger("butt.monitor")

MOST_WAITING = 1000
AT_ONCE = 500
GATHER = 0.02
AFTER_TROUBLE = 2.0
AGAIN, LATER = 5.0, 60.0
"""Seconds until a bot is asked again: after its stream ended, and after it refused, as an older release does."""

_FEED_ID = r"^@[A-Za-z0-9+/]{43}=\.ed25519$"


class _Use(BaseModel):
    sequence: int = Field(ge=1, le=2**53)
    feed: str = Field(pattern=_FEED_ID)
    note: str
    at: datetime

    @field_validator("at", mode="before")
    @classmethod
    def _from_milliseconds(cls, at: Any) -> datetime:
        return _time(at)


class _Name(BaseModel):
    feed: str = Field(pattern=_FEED_ID)
    name: str = Field(max_length=1000)


class _Seen(BaseModel):
    feed: str = Field(pattern=_FEED_ID)
    messages: int = Field(ge=0, le=2**53)
    seen: datetime | None = None

    @field_validator("seen", mode="before")
    @classmethod
    def _from_milliseconds(cls, seen: Any) -> datetime | None:
        return None if seen is None else _time(seen)


def _time(milliseconds: Any) -> datetime:
    # A clock may be wrong, but a year that no database can hold is not a time.
    if not isinstance(milliseconds, int | float) or not 0 <= milliseconds < 32_503_680_000_000:  # noqa: PLR2004 - the year 3000
        raise ValueError("this is no time")
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


class Guests:
    """`attend` follows one bot for as long as its connection lasts; `run` writes what all of them heard."""

    def __init__(self) -> None:
        self.peers: dict[uuid.UUID, Peer] = {}
        self._heard: asyncio.Queue[tuple[uuid.UUID, News]] = asyncio.Queue(MOST_WAITING)
        self._asking: dict[uuid.UUID, asyncio.Future[int]] = {}
        self._news = asyncio.Event()

    async def attend(self, bot_id: uuid.UUID, peer: Peer) -> None:
        """Listen to a bot that has proven its identity. Ends with the connection, when it is cancelled at the latest."""
        self.peers[bot_id] = peer
        try:
            while peer.is_open:
                pause = AGAIN
                try:
                    await self._listen(bot_id, peer)
                except RemoteError as error:
                    log.info("%s tells nothing of guests: %s", bot_id, error)
                    pause = LATER
                except ScuttlebuttError as error:
                    log.debug("%s stopped telling of guests: %s", bot_id, error)
                await asyncio.sleep(pause)
        finally:
            if self.peers.get(bot_id) is peer:
                del self.peers[bot_id]

    async def run(self) -> None:
        """Write until cancelled; database errors are waited out."""
        while True:
            await self._news.wait()
            await asyncio.sleep(GATHER)
            self._news.clear()
            asking, self._asking = self._asking, {}
            batch: dict[uuid.UUID, list[News]] = defaultdict(list)
            for _ in range(min(AT_ONCE, self._heard.qsize())):
                bot_id, item = self._heard.get_nowait()
                batch[bot_id].append(item)
            if not self._heard.empty():
                self._news.set()
            known = await _written_and_read(batch, list(asking))
            for bot_id, future in asking.items():
                if not future.done():
                    future.set_result(known.get(bot_id, 0))

    async def _listen(self, bot_id: uuid.UUID, peer: Peer) -> None:
        since = await self._position(bot_id)
        async with aclosing(peer.source("butt.guests", {"since": since})) as pushes:
            async for item in pushes:
                with suppress(ValidationError):  # nonsense from a bot is skipped
                    await self._heard.put((bot_id, _checked(item)))
                    self._news.set()

    async def _position(self, bot_id: uuid.UUID) -> int:
        """Where to continue. Bots that ask at about the same time share one query."""
        future = self._asking[bot_id] = asyncio.get_running_loop().create_future()
        self._news.set()
        position: int = await future
        return position


def _checked(item: Any) -> News:
    if isinstance(item, dict) and "name" in item:
        name = _Name.model_validate(item)
        return Name(name.feed, clean_name(name.name))
    if isinstance(item, dict) and "messages" in item:
        seen = _Seen.model_validate(item)
        # A clock that runs ahead must not keep everything seen later from being the latest.
        at = None if seen.seen is None else min(seen.seen, datetime.now(UTC))
        return GuestActivity(seen.feed, seen.messages, at)
    use = _Use.model_validate(item)
    return GuestArrival(use.sequence, use.feed, clean_note(use.note), use.at)


async def _written_and_read(
    batch: dict[uuid.UUID, list[News]], asking: list[uuid.UUID]
) -> dict[uuid.UUID, int]:
    def both() -> dict[uuid.UUID, int]:
        if batch:
            write(batch)
        return positions(asking) if asking else {}

    while True:
        try:
            return await sync_to_async(both)()
        except Exception:
            log.exception("cannot write what guests did; trying again")
            await asyncio.sleep(AFTER_TROUBLE)
