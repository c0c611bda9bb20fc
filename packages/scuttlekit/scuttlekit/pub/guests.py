"""Who came in by an invite, as the pub's own feed tells, what they are called, and what has come of them since."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Collection, Sequence
from contextlib import aclosing
from typing import Any, Final

from scuttlekit.pub.store import Store, Stored

LONGEST_NAME: Final = 200
PIECE: Final = 200

LOOK: Final = 20.0
"""Seconds between two looks at who is connected."""
GATHER: Final = 2.0
"""Seconds for which messages of guests are counted before they are told of."""
STAYING: Final = 600.0
"""Seconds after which it is told again that a guest is still connected."""


async def guests(
    store: Store, own_id: str, since: int, present: Callable[[], Collection[str]]
) -> AsyncGenerator[dict[str, Any], None]:
    """Tell each use of an invite after message `since` of the pub's own feed, in order, and go on for ever.

    A use is `{sequence, feed, note, at}`. `{feed, name}` is told of each guest, earlier ones too, as soon as the pub knows
    their name, and again when they change it. `{feed, messages, seen}` tells how many messages of a guest are here, and when
    they were last seen (ms since 1970; null where that is not known of since the pub started). Neither comes before its
    guest. `present` gives the feeds that are connected now.
    """
    follower = _Follower(store, own_id, present)
    stop = store.listen(follower.hear)
    try:
        async with aclosing(follower.tell(since)) as news:
            async for told in news:
                yield told
    finally:
        stop()


class _Follower:
    """What one listener has yet to be told."""

    def __init__(self, store: Store, own_id: str, present: Callable[[], Collection[str]]) -> None:
        self._store = store
        self._own_id = own_id
        self._present = present
        self._known: set[str] = set()
        self._names: dict[str, str] = {}
        self._seen: dict[str, int | None] = {}
        self._there: dict[str, float] = {}
        self._looked = self._told = float("-inf")
        self._news = asyncio.Event()

    def hear(self, messages: Sequence[Stored]) -> None:
        """Hear of new messages. Whoever speaks is a guest or the pub itself, or it does not matter here."""
        for message in messages:
            author = message.author
            if author == self._own_id:
                self._news.set()
            elif author in self._known:
                if not self._seen:
                    self._news.set()
                self._seen[author] = _now()
                name = _name_in(author, message.value["content"])
                if name is not None:
                    self._names[author] = name
                    self._news.set()

    async def tell(self, since: int) -> AsyncGenerator[dict[str, Any], None]:
        after = 0
        while True:
            self._news.clear()
            while uses := self._store.noted(after, PIECE):
                for message in uses:
                    value = message.value
                    after = value["sequence"]
                    content = value["content"]
                    if content.get("pub") is not True:
                        continue
                    feed = content["contact"]
                    if after > since:
                        yield {
                            "sequence": after,
                            "feed": feed,
                            "note": content["note"],
                            "at": value["timestamp"],
                        }
                    self._meet(feed)
                for told in self._take_names():
                    yield told
                # A long feed is read in pieces, and others have their turn.
                await asyncio.sleep(0)
            for told in (*self._take_names(), *self._take_seen()):
                yield told
            await self._wait()

    def _meet(self, feed: str) -> None:
        if feed in self._known:
            return
        self._known.add(feed)
        # A name that came meanwhile is the newer one.
        if feed not in self._names and (name := self._store.name_of(feed)) is not None:
            self._names[feed] = name
        if self._store.clock.get(feed):
            self._seen.setdefault(feed, None)

    async def _wait(self) -> None:
        """Wait for news, or until it is time to look who is there, or to tell who was seen."""
        loop = asyncio.get_running_loop()
        then = min(self._looked + LOOK, self._told + GATHER if self._seen else float("inf"))
        try:
            async with asyncio.timeout_at(max(then, loop.time())):
                await self._news.wait()
        except TimeoutError:
            pass

    def _take_names(self) -> list[dict[str, Any]]:
        names, self._names = self._names, {}
        return [{"feed": feed, "name": name[:LONGEST_NAME]} for feed, name in names.items()]

    def _take_seen(self) -> list[dict[str, Any]]:
        now = asyncio.get_running_loop().time()
        if now >= self._looked + LOOK:
            self._looked = now
            self._look(now)
        if not self._seen or now < self._told + GATHER:
            return []
        self._told = now
        seen, self._seen = self._seen, {}
        clock = self._store.clock
        return [{"feed": feed, "messages": clock.get(feed, 0), "seen": at} for feed, at in seen.items()]

    def _look(self, now: float) -> None:
        """Note who came, who left, and who has been here for long."""
        there = self._known.intersection(self._present())
        for feed in there:
            if now >= self._there.get(feed, float("-inf")) + STAYING:
                self._there[feed] = now
                self._seen[feed] = _now()
        for feed in self._there.keys() - there:
            del self._there[feed]
            self._seen[feed] = _now()


def _now() -> int:
    return int(time.time() * 1000)


def _name_in(author: str, content: Any) -> str | None:
    """The name in a message by which a feed names itself."""
    match content:
        case {"type": "about", "about": about, "name": str(name)} if about == author:
            return name
    return None
