"""`room.*Alias*` for members of a room, and the calls a service needs for their alias pages."""

from typing import Any

from scuttlekit.errors import RemoteError
from scuttlekit.peer import Peer
from scuttlekit.pub.room import MeetingRoom
from scuttlekit.pub.store import Store
from scuttlekit.serving import Handlers


class AliasCalls:
    """Answers the calls that register, revoke, list and look up aliases."""

    def __init__(self, store: Store, room: MeetingRoom) -> None:
        self._store = store
        self._room = room

    def handlers(self) -> Handlers:
        return {
            "room.registerAlias": self._register,
            "room.revokeAlias": self._revoke,
            "room.listAliases": self._list,
            "butt.room": self._tell,
            "butt.alias": self._find,
            "butt.revokeAlias": self._take_away,
        }

    async def _register(self, peer: Peer, alias: Any = None, signature: Any = None, *_: Any) -> str:
        pages = self._room.told.aliases_at
        if not self._room.has_aliases or pages is None:
            raise RemoteError("this room has no aliases")
        self._check_member(peer)
        return f"{pages}/{self._room.aliases.register(alias, peer.id, signature).alias}"

    async def _revoke(self, peer: Peer, alias: Any = None, *_: Any) -> bool:
        self._check_member(peer)
        self._room.aliases.revoke(alias, peer.id)
        return True

    async def _list(self, peer: Peer, feed: Any = None, *_: Any) -> list[str]:
        if not self._room.privacy.is_internal(peer.id):
            raise RemoteError("only members of this room can list its aliases")
        is_shown = isinstance(feed, str) and self._room.has_aliases and self._is_member(feed)
        return self._room.aliases.of(feed) if is_shown else []

    async def _tell(self, _peer: Peer, asked: Any = None, *_: Any) -> dict[str, Any]:
        return self._room.tell(asked)

    async def _find(self, _peer: Peer, alias: Any = None, *_: Any) -> dict[str, Any] | None:
        found = self._room.aliases.find(alias) if isinstance(alias, str) else None
        if found is None or not self._room.has_aliases or not self._is_member(found.feed):
            return None
        return {**found.as_told(), "name": self._store.name_of(found.feed)}

    async def _take_away(self, _peer: Peer, alias: Any = None, *_: Any) -> bool:
        try:
            self._room.aliases.revoke(alias, None)
        except RemoteError:
            return False
        return True

    def _check_member(self, peer: Peer) -> None:
        if not self._is_member(peer.id):
            raise RemoteError("only members of this room can have an alias")

    def _is_member(self, feed: str) -> bool:
        """Whether the pub follows the feed and does not block it. In an open room, internal users need not be
        members.
        """
        own = self._store.own.id
        return self._store.graph.follows(own, feed) and not self._store.graph.blocks(own, feed)
