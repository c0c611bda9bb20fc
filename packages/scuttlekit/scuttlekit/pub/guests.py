"""The guests who came in by an invite, according to the pub's own feed: their names and activity since."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Collection, Sequence
from contextlib import aclosing
from typing import Any, Final

from scuttlekit.pub.store import Store, Stored

LONGEST_NAME: Final = 200
PIECE: Final = 200

LOOK: Final = 20.0
"""Seconds between checks of who is connected."""
GATHER: Final = 2.0
"""Seconds for which guests' messages are counted before they are reported."""
STAYING: Final = 600.0
"""Seconds after which it is reported again that a guest is still connected."""


async def guests(
    store: Store, own_id: str, since: int, present: Callable[[], Collection[str]]
) -> AsyncGenerator[dict[str, Any], None]:
    """Yield each use of an invite after message `since` of the pub's own feed, in order, and go on for ever.

    A use is `{sequence, feed, note, at}`. `{feed, name}` is sent for each guest, earlier ones too, once their
    name is known, and whenever they change it. `{feed, messages, seen}` says how many messages of a guest are
    stored, and when they were last seen, in ms since 1970; null if not since the pub started. A guest's use
    always comes first. `present` returns the feeds that are connected now.
    """
    follower = _Follower(store, own_id, present)
    stop = store.listen(follower.hear)
    try:
        async with aclosing(follower.tell(since)) as news:
            async for item in news:
                yield item
    finally:
        stop()


class _Follower:
    """The updates that one listener has yet to receive."""

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
        """Take note of new messages, if they are by a guest or by the pub itself."""
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
            while uses := self._store.invite_uses(after, PIECE):
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
                for item in self._take_names():
                    yield item
                # A long feed is read in pieces, so that other tasks can run.
                await asyncio.sleep(0)
            for item in (*self._take_names(), *self._take_seen()):
                yield item
            await self._wait()

    def _meet(self, feed: str) -> None:
        if feed in self._known:
            return
        self._known.add(feed)
        # A name that arrived in the meantime is newer.
        if feed not in self._names and (name := self._store.name_of(feed)) is not None:
            self._names[feed] = name
        if self._store.clock.get(feed):
            self._seen.setdefault(feed, None)

    async def _wait(self) -> None:
        """Wait for news, or until it is time to check who is connected or to report who was seen."""
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
        """Record who connected, who left, and who has been connected for long."""
        present = self._known.intersection(self._present())
        for feed in present:
            if now >= self._there.get(feed, float("-inf")) + STAYING:
                self._there[feed] = now
                self._seen[feed] = _now()
        for feed in self._there.keys() - present:
            del self._there[feed]
            self._seen[feed] = _now()


def _now() -> int:
    return int(time.time() * 1000)


def _name_in(author: str, content: Any) -> str | None:
    """The name that a message gives its author, if it names its own author."""
    match content:
        case {"type": "about", "about": about, "name": str(name)} if about == author:
            return name
    return None
