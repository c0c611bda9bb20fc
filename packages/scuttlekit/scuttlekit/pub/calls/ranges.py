"""Ranges of messages as calls request them: start, end, limit, order, and which parts of each message.

A stream reads on only when the peer has taken what was sent, so a slow reader holds one piece of the log in
memory.
"""

import asyncio
import math
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, Self

from scuttlekit.frames import Json
from scuttlekit.pub.calls.options import is_true, limit_in, number_in
from scuttlekit.pub.store import Store, Stored

PIECE: Final = 200
"""Messages that are read at a time."""

SYNCED: Final = {"sync": True}
"""The marker that a live stream sends between old and new messages."""

Show = Callable[[Stored], Any]
"""Returns what to send for a message; None to skip it."""


class Place(Enum):
    """Where a message lies relative to a range, in reading order."""

    BEFORE = 0
    INSIDE = 1
    PAST = 2


@dataclass(frozen=True, slots=True)
class Range:
    """A range of the log, by received time in ms, or of a feed, by sequence number."""

    above: float
    at_least: float
    below: float
    at_most: float
    limit: int | None
    reverse: bool
    old: bool
    live: bool
    sync: bool
    keys: bool
    values: bool

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> Self:
        """Read the options of a stream as ssb-db does. Raises RemoteError."""
        reverse = is_true(given, "reverse")
        live = is_true(given, "live") and not reverse
        return cls(
            above=_number(given, "gt", -math.inf),
            at_least=_number(given, "gte", -math.inf),
            below=_number(given, "lt", math.inf),
            at_most=_number(given, "lte", math.inf),
            limit=limit_in(given),
            reverse=reverse,
            old=is_true(given, "old", default=True),
            live=live,
            sync=live and is_true(given, "sync"),
            keys=is_true(given, "keys", default=True),
            values=is_true(given, "values", default=True),
        )

    @property
    def has_begin(self) -> bool:
        return max(self.above, self.at_least) > 0

    def place_of(self, message: Stored) -> "Place":
        """Where a message lies by its received time, when reading in log order."""
        if not self.has_begin and min(self.below, self.at_most) == math.inf:
            return Place.INSIDE
        received = message.received
        if not self.is_before_end(received):
            return Place.BEFORE if self.reverse else Place.PAST
        if not self.is_after_begin(received):
            return Place.PAST if self.reverse else Place.BEFORE
        return Place.INSIDE

    def is_after_begin(self, number: float) -> bool:
        return number > self.above and number >= self.at_least

    def is_before_end(self, number: float) -> bool:
        return number < self.below and number <= self.at_most

    def show(self, message: Stored) -> Any:
        """The parts of a message that the options `keys` and `values` select."""
        if self.keys and self.values:
            return Json(message.record)
        if self.keys:
            return message.key
        return Json(message.value_text) if self.values else None


async def from_log(store: Store, wanted: Range, show: Show) -> AsyncGenerator[Any, None]:
    """Yield `show` of each message in a range of received times, in log order."""

    async def pieces() -> AsyncGenerator[list[Stored], None]:
        after = await _begin_of(store, wanted) if wanted.old else store.end - 1
        before: int | None = None
        while True:
            if wanted.reverse:
                messages = store.read_log(before=before, limit=PIECE, reverse=True)
            else:
                messages = store.read_log(after=after, limit=PIECE)
            if messages:
                before = after = messages[-1].offset
            yield messages

    async with aclosing(_followed(store, wanted, pieces())) as messages:
        async for message in messages:
            if message is None:
                yield SYNCED
                continue
            place = wanted.place_of(message)
            if place is Place.PAST:
                return
            if place is Place.INSIDE and (shown := show(message)) is not None:
                yield shown


async def from_feed(store: Store, feed: str, wanted: Range, show: Show) -> AsyncGenerator[Any, None]:
    """Yield `show` of each message of a feed in a range of sequence numbers."""

    async def pieces() -> AsyncGenerator[list[Stored], None]:
        after = _whole(max(wanted.above, wanted.at_least - 1), 0) if wanted.old else store.clock.get(feed, 0)
        before = _whole(min(wanted.below, wanted.at_most + 1), None)
        while True:
            messages = store.read_feed(feed, after or 0, PIECE, before=before, reverse=wanted.reverse)
            if messages:
                last = messages[-1].value["sequence"]
                after, before = (after, last) if wanted.reverse else (last, before)
            yield messages

    async with aclosing(_followed(store, wanted, pieces())) as messages:
        async for message in messages:
            yield SYNCED if message is None else show(message)


async def _followed(
    store: Store, wanted: Range, pieces: AsyncGenerator[list[Stored], None]
) -> AsyncGenerator[Stored | None, None]:
    """Yield stored messages, piece by piece. A live stream then yields None, if `sync` is wanted, and new messages."""
    news = asyncio.Event()
    stop = store.listen(lambda _: news.set())
    to_sync = wanted.sync
    try:
        async for messages in pieces:
            for message in messages:
                yield message
            if messages:
                # Let other tasks run.
                await asyncio.sleep(0)
                continue
            if not wanted.live:
                return
            if to_sync:
                to_sync = False
                yield None
            await news.wait()
            news.clear()
    finally:
        stop()
        await pieces.aclose()


async def limited(values: AsyncGenerator[Any, None], limit: int | None) -> AsyncGenerator[Any, None]:
    """Yield at most `limit` values; sync markers do not count."""
    left = math.inf if limit is None else limit
    async with aclosing(values):
        while left > 0:
            try:
                value = await anext(values)
            except StopAsyncIteration:
                return
            left -= value is not SYNCED
            yield value


async def _begin_of(store: Store, wanted: Range) -> int:
    """Find the offset after which a range begins. Searches from the end, since readers mostly want recent messages."""
    if wanted.reverse or not wanted.has_begin:
        return -1
    before: int | None = None
    while messages := store.read_log(before=before, limit=PIECE, reverse=True):
        for message in messages:
            before = message.offset
            if not wanted.is_after_begin(message.received):
                return before
        await asyncio.sleep(0)
    return -1


def _number(given: Mapping[str, Any], name: str, default: float) -> float:
    number = number_in(given, name)
    return default if number is None else number


def _whole(number: float, default: int | None) -> int | None:
    """Round an exclusive bound to a whole number."""
    return math.ceil(number) if -(2**53) < number < 2**53 else default
