"""`room.*` and `tunnel.*`: the pub as a room, its attendants, and tunnels to them.

Some apps recognise a pub only by these calls. On its own, an app built on ssb-conn dials only rooms and those
whom its owner follows, and a person who joined by an invite may not follow the pub. So the pub presents
itself to members as a room even if it is none.

Source: https://github.com/ssbc/rooms2, and ssb-room-client, which asks every peer it connects to.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from typing import Any, Final

from scuttlekit.errors import NOT_ALLOWED, RemoteError
from scuttlekit.peer import Peer
from scuttlekit.pub.connections import Connections, Link, PeerRole
from scuttlekit.pub.room import MeetingRoom, Mode
from scuttlekit.pub.room.attendants import Event
from scuttlekit.pub.store import Store
from scuttlekit.serving import Handlers, SourceHandler, StreamHandler

LATER: Final = 2.0
"""Seconds to wait after a guest used an invite before answering. ssb-invite-client saves the pub's address
only then, and what ssb-room-client hears before that is lost."""

PATIENCE: Final = 10.0
"""Seconds after which a guest who has not used their invite is taken to have used it earlier."""

LONGEST_NAME: Final = 200


class RoomCalls:
    """Answers the calls that apps make to a room."""

    def __init__(
        self,
        store: Store,
        connections: Connections,
        opens: Callable[[str], bool],
        room: MeetingRoom,
    ) -> None:
        self._store = store
        self._connections = connections
        self._opens = opens
        self._room = room
        self._privacy = room.privacy
        self._attendants = room.attendants
        self._tunnels = room.tunnels

    def handlers(self) -> Handlers:
        return {
            "room.metadata": self._metadata,
            "room.attendants": SourceHandler(self._watch),
            "tunnel.isRoom": self._metadata,
            "tunnel.announce": self._announce,
            "tunnel.leave": self._leave,
            "tunnel.ping": self._ping,
            "tunnel.endpoints": SourceHandler(self._endpoints),
            "tunnel.connect": StreamHandler(self._tunnels.connect, two_way=True),
        }

    async def _metadata(self, peer: Peer, *_: Any) -> dict[str, Any]:
        link = self._connections.link_of(peer)
        if link is not None and link.role is PeerRole.GUEST and self._opens(peer.id):
            await _until_brought(link)
        is_member = self._is_member(peer)
        if self._privacy.is_hidden and not is_member:
            # By this apps know that there is no room.
            raise RemoteError(f"method:room,metadata {NOT_ALLOWED}")
        own = self._store.own.id
        name = (self._store.name_of(own) or own)[:LONGEST_NAME]
        return {"name": name, "membership": is_member, "features": self._features()}

    def _is_member(self, peer: Peer) -> bool:
        if self._privacy.is_internal(peer.id):
            return True
        return any(
            self._store.graph.follows(self._store.own.id, feed)
            for feed in (peer.id, *self._connections.feeds_of(peer))
        )

    def _features(self) -> list[str]:
        if self._privacy.mode is Mode.NONE:
            return []
        is_open = self._privacy.mode is Mode.OPEN
        return [
            "tunnel",
            "room2",
            *(["room1"] if is_open else []),
            *(["alias"] if self._room.has_aliases else []),
        ]

    async def _watch(self, peer: Peer, *_: Any) -> AsyncGenerator[Event, None]:
        async with aclosing(self._attendants.watch(peer, self._privacy.is_internal)) as turns:
            async for events in turns:
                for event in events:
                    yield event

    async def _endpoints(self, peer: Peer, *_args: Any) -> AsyncGenerator[list[str], None]:
        """The predecessor of `room.attendants`: the whole list at each change."""
        async with aclosing(self._attendants.watch(peer, self._privacy.is_internal)) as turns:
            async for _ in turns:
                is_internal = self._privacy.is_internal(peer.id)
                yield [feed for feed in self._attendants.ids if feed != peer.id] if is_internal else []

    async def _announce(self, peer: Peer, *_: Any) -> bool:
        if not self._privacy.is_internal(peer.id):
            raise RemoteError("this room is for its members")
        self._attendants.join(peer)
        return True

    async def _leave(self, peer: Peer, *_: Any) -> bool:
        self._attendants.leave(peer)
        return True

    async def _ping(self, _peer: Peer, *_: Any) -> int:
        return int(time.time() * 1000)


async def _until_brought(link: Link) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(link.brought.wait(), PATIENCE)
        await asyncio.sleep(LATER)
