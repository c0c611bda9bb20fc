"""A bot's own log, for a page of it: what is there, and what is added.

The stream sends new lines in the form of the page. `mark` says how far one has read, so that nothing is sent
twice or left out, neither between the page and its stream nor when a stream ends and the browser reconnects.
"""

import asyncio
import hashlib
import uuid
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from django.db import close_old_connections

from butt.agents.botlog import whole_lines
from butt.hosts.reading import BotReader, NotYet, Unreadable

LINES = 500
SIZE = 256 * 1024
LITTLE = 16 * 1024
TICK = 1.0
STREAM_SECONDS = 300
_threads = ThreadPoolExecutor(8, "log")
"""Separate threads, as reading a log can take long: nothing else on the server must wait behind it."""

_MARKED = 3
"""How many lines identify a place in the log: their times make them unique."""


def mark(lines: Sequence[str]) -> str:
    """A mark for having read up to the last of `lines`."""
    return hashlib.sha256("\n".join(lines[-_MARKED:]).encode()).hexdigest()[:16]


def since(lines: Sequence[str], read: str) -> Sequence[str]:
    """The part of `lines` after the mark `read`; all of them if the mark is not found."""
    for end in range(len(lines), 0, -1):
        if mark(lines[:end]) == read:
            return lines[end:]
    return lines


async def follow(bot_id: uuid.UUID, source: BotReader, read: str) -> AsyncIterator[tuple[Sequence[str], str]]:
    """What is new since `read`, as the pub wrote it, and the mark of its end. Ends after `STREAM_SECONDS`."""
    try:
        async with asyncio.timeout(STREAM_SECONDS):
            while True:
                work = partial(_news, source, bot_id, read)
                news, end = await asyncio.get_running_loop().run_in_executor(_threads, work)
                if news:
                    yield news, end
                    read = end
                await asyncio.sleep(TICK)
    except (TimeoutError, Unreadable):
        return


def _news(source: BotReader, bot_id: uuid.UUID, read: str) -> tuple[Sequence[str], str]:
    """What was added since the mark `read`, and the mark of its end. More than `LITTLE` is read only if much
    was added.
    """
    # Django only looks after the connections of request threads, not of these.
    close_old_connections()
    for size in (LITTLE, SIZE):
        try:
            lines = last(source, bot_id, size)
        except NotYet:
            return (), read
        news = since(lines, read)
        if len(news) < len(lines):
            break
    return news, mark(lines)


def last(source: BotReader, bot_id: uuid.UUID, size: int = SIZE) -> list[str]:
    """The last `LINES` lines, or as many as there are in `size` bytes."""
    try:
        return whole_lines(source.log(bot_id, size), size)[-LINES:]
    except NotYet as not_yet:
        raise NotYet(str(not_yet), not_yet.patience, partial(last, source, bot_id, size)) from None
