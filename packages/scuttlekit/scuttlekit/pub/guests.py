"""Who came in by an invite, as the pub's own feed tells, and what they are called."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any, Final

from scuttlekit.pub.store import Store, Stored

LONGEST_NAME: Final = 200
PIECE: Final = 200


async def guests(store: Store, own_id: str, since: int) -> AsyncGenerator[dict[str, Any], None]:
    """Tell each use of an invite after message `since` of the pub's own feed, in order, and go on for ever.

    A use is `{sequence, feed, note, at}`. `{feed, name}` is told of each guest, earlier ones too, as soon as the pub knows
    their name, and again when they change it; no name comes before its guest.
    """
    follower = _Follower(store, own_id)
    stop = store.listen(follower.hear)
    try:
        async with aclosing(follower.tell(since)) as news:
            async for told in news:
                yield told
    finally:
        stop()


class _Follower:
    """What one listener has yet to be told."""

    def __init__(self, store: Store, own_id: str) -> None:
        self._store = store
        self._own_id = own_id
        self._known: set[str] = set()
        self._names: dict[str, str] = {}
        self._news = asyncio.Event()

    def hear(self, messages: Sequence[Stored]) -> None:
        """Hear of new messages. Whoever speaks is a guest or the pub itself, or it does not matter here."""
        for message in messages:
            author = message.author
            if author == self._own_id:
                self._news.set()
            elif author in self._known:
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
                    if feed not in self._known:
                        self._known.add(feed)
                        # A name that came meanwhile is the newer one.
                        if feed not in self._names and (name := self._store.name_of(feed)) is not None:
                            self._names[feed] = name
                for told in self._take_names():
                    yield told
                # A long feed is read in pieces, and others have their turn.
                await asyncio.sleep(0)
            for told in self._take_names():
                yield told
            await self._news.wait()

    def _take_names(self) -> list[dict[str, Any]]:
        names, self._names = self._names, {}
        return [{"feed": feed, "name": name[:LONGEST_NAME]} for feed, name in names.items()]


def _name_in(author: str, content: Any) -> str | None:
    """The name in a message by which a feed names itself."""
    match content:
        case {"type": "about", "about": about, "name": str(name)} if about == author:
            return name
    return None
