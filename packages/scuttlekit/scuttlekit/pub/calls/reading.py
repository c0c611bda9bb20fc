"""Reading messages: by id, by feed, in log order, by type, by link."""

import asyncio
from array import array
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from typing import Any, Final

from scuttlekit.errors import RemoteError
from scuttlekit.frames import Json
from scuttlekit.peer import Peer
from scuttlekit.pub.calls.options import feed_in, is_true, options_in
from scuttlekit.pub.calls.ranges import PIECE, Range, Show, from_feed, from_log, limited
from scuttlekit.pub.calls.secrets import Secrets
from scuttlekit.pub.store import Store, Stored
from scuttlekit.serving import Handlers, SourceHandler

MOST_FEEDS: Final = 15_000
"""A vector clock of this many feeds fits into one response."""
MOST_LINKS: Final = 200
"""The most links that are reported for one message."""

_KINDS: Final = {"feed": "@", "msg": "%", "blob": "&"}


class ReadCalls:
    """Answers the calls that read stored messages."""

    def __init__(self, store: Store, secrets: Secrets) -> None:
        self._store = store
        self._secrets = secrets

    def handlers(self) -> Handlers:
        return {
            "get": self._get,
            "getLatest": self._get_latest,
            "latestSequence": self._latest_sequence,
            "getFeedState": self._get_feed_state,
            "getVectorClock": self._get_vector_clock,
            "latest": self._latest,
            "createLogStream": SourceHandler(self._create_log_stream),
            "createUserStream": SourceHandler(self._create_user_stream),
            "createFeedStream": self._create_feed_stream,
            "messagesByType": SourceHandler(self._messages_by_type),
            "links": self._links,
        }

    async def _get(self, _peer: Peer, given: Any = None, *_: Any) -> Any:
        options = options_in(given)
        key = options.get("id") if options else given
        if not isinstance(key, str) or not key.startswith("%"):
            raise RemoteError("give the id of a message, such as %….sha256")
        message = self._store.get(key)
        if message is None:
            raise RemoteError(f"Key not found in database [{key[:100]}]", "NotFoundError")
        if is_true(options, "private") and (record := self._secrets.opened(message)) is not None:
            return record if is_true(options, "meta") else record["value"]
        return Json(message.record if is_true(options, "meta") else message.value_text)

    async def _get_latest(self, _peer: Peer, given: Any = None, *_: Any) -> Any:
        messages = self._store.read_feed(feed_in(given), limit=1, reverse=True)
        return Json(messages[0].record) if messages else None

    async def _latest_sequence(self, _peer: Peer, given: Any = None, *_: Any) -> int:
        return self._store.clock.get(feed_in(given), 0)

    async def _get_feed_state(self, _peer: Peer, given: Any = None, *_: Any) -> dict[str, Any]:
        head = self._store.head(feed_in(given))
        return {"id": head.key if head else None, "sequence": head.sequence if head else 0}

    async def _get_vector_clock(self, _peer: Peer, *_: Any) -> dict[str, int]:
        if len(self._store.clock) > MOST_FEEDS:
            raise RemoteError(f"the clock has more than {MOST_FEEDS} feeds: read them with latest")
        return dict(self._store.clock)

    async def _latest(self, _peer: Peer, *_: Any) -> AsyncGenerator[dict[str, Any], None]:
        for feed in tuple(self._store.clock):
            for message in self._store.read_feed(feed, limit=1, reverse=True):
                value = message.value
                yield {"id": feed, "sequence": value["sequence"], "ts": value["timestamp"]}
            await asyncio.sleep(0)

    def _create_log_stream(self, _peer: Peer, given: Any = None, *_: Any) -> AsyncGenerator[Any, None]:
        wanted = Range.read(options_in(given))
        return limited(from_log(self._store, wanted, self._show(given, wanted)), wanted.limit)

    def _create_user_stream(self, _peer: Peer, given: Any = None, *_: Any) -> AsyncGenerator[Any, None]:
        wanted = Range.read(options_in(given))
        return limited(
            from_feed(self._store, feed_in(given), wanted, self._show(given, wanted)), wanted.limit
        )

    async def _create_feed_stream(self, _peer: Peer, given: Any = None, *_: Any) -> AsyncGenerator[Any, None]:
        """Messages ordered by claimed time, or by received time where the claimed time is later."""
        wanted = Range.read(options_in(given))
        offsets = await self._by_claimed_time(wanted) if wanted.old else array("q")
        for offset in offsets[: wanted.limit]:
            for message in self._store.read_log(after=offset - 1, limit=1):
                yield wanted.show(message)
            await asyncio.sleep(0)
        if wanted.live and (wanted.limit is None or wanted.limit > len(offsets)):
            async for item in from_log(
                self._store, Range.read({**options_in(given), "old": False}), wanted.show
            ):
                yield item

    def _messages_by_type(self, _peer: Peer, given: Any = None, *_: Any) -> AsyncGenerator[Any, None]:
        options = {"type": given} if isinstance(given, str) else options_in(given)
        kind = options.get("type")
        if not isinstance(kind, str):
            raise RemoteError("give the type of the messages, such as post")
        wanted = Range.read(options)

        def show(message: Stored) -> Any:
            content = message.value["content"]
            return wanted.show(message) if isinstance(content, dict) and content.get("type") == kind else None

        return limited(from_log(self._store, wanted, show), wanted.limit)

    async def _links(self, _peer: Peer, given: Any = None, *_: Any) -> AsyncGenerator[Any, None]:
        """Links from messages to feeds, messages and blobs: `{source, rel, dest, key}`."""
        options = options_in(given)
        source, dest = (_KINDS.get(str(options.get(name)), options.get(name)) for name in ("source", "dest"))
        rel = options.get("rel")
        with_keys, with_values = is_true(options, "keys", default=True), is_true(options, "values")
        wanted = Range.read({name: options[name] for name in ("reverse", "live", "old") if name in options})
        found: list[dict[str, Any]] = []

        def show(message: Stored) -> Any:
            value = message.value
            if not _fits(value["author"], source):
                return None
            for name, link in links_in(value["content"]):
                if _fits(link, dest) and (not rel or rel == name):
                    item = {"source": value["author"], "rel": name, "dest": link}
                    if with_keys:
                        item["key"] = message.key
                    if with_values:
                        item["value"] = value
                    found.append(item)
            return found or None

        async with aclosing(from_log(self._store, wanted, show)) as messages:
            async for _ in messages:
                links, found[:] = tuple(found), []
                for link in links:
                    yield link

    def _show(self, given: Any, wanted: Range) -> Show:
        """Decrypt private messages if the caller asks for that."""
        return self._secrets.show(wanted) if is_true(options_in(given), "private") else wanted.show

    async def _by_claimed_time(self, wanted: Range) -> "array[int]":
        """Offsets of the messages in a range, in order. A million messages take 32 MB during the call."""
        times: list[tuple[float, int]] = []
        after = -1
        while messages := self._store.read_log(after=after, limit=PIECE):
            for message in messages:
                after = message.offset
                claimed = message.value["timestamp"]
                received = message.received
                time = claimed if isinstance(claimed, int | float) and 0 < claimed <= received else received
                if wanted.is_after_begin(time) and wanted.is_before_end(time):
                    times.append((time, after))
            await asyncio.sleep(0)
        times.sort(reverse=wanted.reverse)
        return array("q", [offset for _, offset in times])


def links_in(content: Any) -> Iterator[tuple[str, str]]:
    """Yield each link in a message's content with its field name. Private messages have none."""
    left = MOST_LINKS
    waiting: list[tuple[str, Any]] = [("", content if isinstance(content, dict) else None)]
    while waiting and left:
        name, value = waiting.pop()
        if isinstance(value, str) and value[:1] in {"@", "%", "&"} and name:
            left -= 1
            yield name, value
        elif isinstance(value, list):
            waiting += [(name, item) for item in value]
        elif isinstance(value, dict):
            if isinstance(link := value.get("link"), str) and name:
                waiting.append((name, link))
            waiting += [(key, item) for key, item in value.items() if key != "link"]


def _fits(link: str, wanted: Any) -> bool:
    return not isinstance(wanted, str) or (link.startswith(wanted) if len(wanted) == 1 else link == wanted)
