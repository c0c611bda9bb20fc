"""`friends.*`: who follows and blocks whom, according to the messages that the pub has."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, Final

from scuttlekit.graph import BLOCKS, FOLLOWS
from scuttlekit.peer import Peer
from scuttlekit.pub.calls.options import feed_in, is_true, number_in, options_in
from scuttlekit.pub.store import Store
from scuttlekit.serving import Handlers

MOST_HOPS: Final = 3


class Friends:
    """Answers `friends.*` from the follow graph."""

    def __init__(self, store: Store, hops: int) -> None:
        self._store = store
        self._hops = hops

    def handlers(self) -> Handlers:
        return {
            "friends.isFollowing": self._is_following,
            "friends.isBlocking": self._is_blocking,
            "friends.hops": self._tell_hops,
            "friends.get": self._get,
            "friends.hopStream": self._hop_stream,
            "friends.createFriendStream": self._create_friend_stream,
            "friends.stream": self._stream,
        }

    async def _is_following(self, _peer: Peer, given: Any = None, *_: Any) -> bool:
        options = options_in(given)
        return self._store.graph.follows(feed_in(options.get("source")), feed_in(options.get("dest")))

    async def _is_blocking(self, _peer: Peer, given: Any = None, *_: Any) -> bool:
        options = options_in(given)
        return self._store.graph.blocks(feed_in(options.get("source")), feed_in(options.get("dest")))

    async def _tell_hops(self, _peer: Peer, given: Any = None, *_: Any) -> dict[str, int]:
        return self._hops_for(given)

    async def _get(self, _peer: Peer, given: Any = None, *_: Any) -> Any:
        options = options_in(given)
        source, dest = options.get("source"), options.get("dest")
        if isinstance(source, str):
            relations = self._relations(source)
            return relations.get(dest) if isinstance(dest, str) else relations
        all_relations = {feed: self._relations(feed) for feed in tuple(self._store.graph.sources())}
        if isinstance(dest, str):
            return {feed: relations[dest] for feed, relations in all_relations.items() if dest in relations}
        return all_relations

    async def _hop_stream(
        self, _peer: Peer, given: Any = None, *_: Any
    ) -> AsyncGenerator[dict[str, int], None]:
        known: dict[str, int] = {}
        async with aclosing(self._changes(given)) as changes:
            async for hops in changes:
                news = {feed: count for feed, count in hops.items() if known.get(feed) != count}
                news |= dict.fromkeys(known.keys() - hops.keys(), -1)
                known = hops
                if news:
                    yield news

    async def _create_friend_stream(
        self, _peer: Peer, given: Any = None, *_: Any
    ) -> AsyncGenerator[Any, None]:
        with_hops = is_true(options_in(given), "meta")
        known: set[str] = set()
        async with aclosing(self._changes(given)) as changes:
            async for hops in changes:
                for feed in hops.keys() - known:
                    yield {"id": feed, "hops": hops[feed]} if with_hops else feed
                known = set(hops)

    async def _stream(self, peer: Peer, *_: Any) -> AsyncGenerator[Any, None]:
        yield await self._get(peer)

    async def _changes(self, given: Any) -> AsyncGenerator[dict[str, int], None]:
        live = is_true(options_in(given), "live")
        news = asyncio.Event()
        stop = self._store.listen(lambda _: news.set())
        try:
            changes = -1
            while True:
                news.clear()
                if changes != self._store.graph.changes:
                    changes = self._store.graph.changes
                    yield self._hops_for(given)
                if not live:
                    return
                await news.wait()
        finally:
            stop()

    def _hops_for(self, given: Any) -> dict[str, int]:
        options = options_in(given)
        start = options.get("start")
        most = number_in(options, "max") or number_in(options, "hops")
        hops = self._hops if most is None else int(min(max(most, 0), MOST_HOPS))
        return dict(self._store.graph.hops(self._store.own.id if start is None else feed_in(start), hops))

    def _relations(self, source: str) -> dict[str, bool | None]:
        """Whom a feed follows (true) and blocks (false); null where it no longer does either."""
        relations = self._store.graph.relations(source)
        return {feed: {FOLLOWS: True, BLOCKS: False}.get(relation) for feed, relation in relations.items()}
