"""`room.*`: what has Manyverse dial the pub again after the app began anew.

An app made with ssb-conn dials by itself only whom its owner follows, and rooms. A person who came by an invite need not
follow the pub. So the pub says of itself, to those whom it follows, that it is a room in which nobody else is.

Source: https://github.com/ssbc/rooms2, and ssb-room-client, which asks whoever it is connected with.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from typing import Any, Final

from scuttlekit.peer import Peer
from scuttlekit.pub.connections import Connections, Link, Role
from scuttlekit.pub.store import Store
from scuttlekit.serving import Handlers, SourceHandler

LATER: Final = 2.0
"""Seconds after a guest used an invite until they are told: ssb-invite-client writes down only then where the pub is, and
what ssb-room-client hears before that is lost."""

PATIENCE: Final = 10.0
"""Seconds after which a guest who does not use their invite has used it before, and only came back."""

LONGEST_NAME: Final = 200


class RoomCalls:
    """Answers whoever asks whether the pub is a room."""

    def __init__(self, store: Store, connections: Connections, opens: Callable[[str], bool]) -> None:
        self._store = store
        self._connections = connections
        self._opens = opens

    def handlers(self) -> Handlers:
        return {"room.metadata": self._metadata, "room.attendants": SourceHandler(self._attendants)}

    async def _metadata(self, peer: Peer, *_: Any) -> dict[str, Any]:
        link = self._connections.link_of(peer)
        if link is not None and link.role is Role.GUEST and self._opens(peer.id):
            await _until_brought(link)
        own = self._store.own.id
        name = (self._store.name_of(own) or own)[:LONGEST_NAME]
        return {"name": name, "membership": True, "features": []}

    async def _attendants(self, _peer: Peer, *_: Any) -> AsyncGenerator[Any, None]:
        yield {"type": "state", "ids": []}
        # It goes on until the peer ends it.
        await asyncio.Event().wait()


async def _until_brought(link: Link) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(link.brought.wait(), PATIENCE)
        await asyncio.sleep(LATER)
