"""Publishing messages, and adding those of others."""

from typing import Any

from scuttlekit.errors import RemoteError
from scuttlekit.frames import Json
from scuttlekit.keys import KeyPair
from scuttlekit.messages import validate
from scuttlekit.peer import Peer
from scuttlekit.pub.calls.options import feed_in, is_true, options_in
from scuttlekit.pub.catchup import CatchUp
from scuttlekit.pub.store import Store
from scuttlekit.serving import Handlers


class Writing:
    """Answers the calls that publish or add messages, or decrypt one."""

    def __init__(self, store: Store, keys: KeyPair, catch_up: CatchUp) -> None:
        self._store = store
        self._keys = keys
        self._catch_up = catch_up

    def handlers(self) -> Handlers:
        return {
            "publish": self._publish,
            "add": self._add,
            "private.publish": self._publish_privately,
            "private.unbox": self._unbox,
            "friends.follow": self._follow,
            "friends.block": self._block,
        }

    async def publish(self, content: Any) -> Json:
        """Publish, and return the record of the message. Raises ScuttlebuttError, OSError."""
        self._catch_up.check()
        return Json((await self._store.publish(content)).record)

    async def _publish(self, _peer: Peer, content: Any = None, *_: Any) -> Json:
        recipients = content.get("recps") if isinstance(content, dict) else None
        return await self.publish(self._boxed(content, recipients) if recipients else content)

    async def _publish_privately(
        self, _peer: Peer, content: Any = None, recipients: Any = None, *_: Any
    ) -> Json:
        return await self.publish(self._boxed(content, recipients))

    async def _add(self, _peer: Peer, given: Any = None, *_: Any) -> Json:
        value = given.get("value", given) if isinstance(given, dict) else given
        feed = feed_in(value.get("author") if isinstance(value, dict) else None)
        if feed == self._keys.id:
            self._catch_up.check()
        (stored,) = self._store.append([validate(value, self._store.head(feed))])
        await self._store.flush()
        return Json(stored.record)

    async def _unbox(self, _peer: Peer, text: Any = None, *_: Any) -> Any:
        from scuttlekit.private import unbox

        return unbox(text, self._keys) if isinstance(text, str) else None

    async def _follow(self, _peer: Peer, feed: Any = None, given: Any = None, *_: Any) -> Json:
        state = is_true(options_in(given), "state", default=True)
        return await self.publish({"type": "contact", "contact": feed_in(feed), "following": state})

    async def _block(self, _peer: Peer, feed: Any = None, given: Any = None, *_: Any) -> Json:
        options = options_in(given)
        state = is_true(options, "state", default=True)
        content = {"type": "contact", "contact": feed_in(feed), "blocking": state}
        if isinstance(reason := options.get("reason"), str):
            content["reason"] = reason
        return await self.publish(content)

    def _boxed(self, content: Any, recipients: Any) -> str:
        from scuttlekit.private import box

        feeds = recipients if isinstance(recipients, list) else [recipients]
        if not feeds:
            raise RemoteError("a private message needs recipients")
        return box(content, [feed_in(feed.get("link") if isinstance(feed, dict) else feed) for feed in feeds])
