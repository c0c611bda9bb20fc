"""Who is in the room now, and the events that report who joins and leaves."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable
from typing import Any, Final

from scuttlekit.errors import RemoteError
from scuttlekit.peer import Peer

GATHER: Final = 0.2
"""Seconds for which changes are collected before they are reported."""
KEPT: Final = 256
"""How many changes are kept. A listener that missed more gets the whole state again."""

Event = dict[str, Any]
"""An event of `room.attendants`: `{type: "state", ids}`, `{type: "joined", id}` or `{type: "left", id}`."""


class Attendants:
    """The feeds in the room, each with the connection on which it can be reached.

    For each listener only its position is kept, so a slow one costs no memory. `comings` is how often one
    connection may join; `refuse` is called for each attempt beyond that.
    """

    def __init__(self, comings: int, refuse: Callable[[str], object]) -> None:
        self._most_comings = comings
        self._refuse = refuse
        self._peers: dict[str, Peer] = {}
        self._comings: dict[Peer, int] = {}
        self._version = self._turn = 0
        self._changes: deque[Event] = deque(maxlen=KEPT)
        self._news = asyncio.Event()

    @property
    def ids(self) -> list[str]:
        return list(self._peers)

    def __len__(self) -> int:
        return len(self._peers)

    def peer_of(self, feed: str) -> Peer | None:
        """The connection on which an attendant can be reached, or None."""
        peer = self._peers.get(feed)
        return peer if peer is not None and peer.is_open else None

    def join(self, peer: Peer) -> None:
        """Let a peer join. Raises RemoteError if its connection joined too often."""
        if self._peers.get(peer.id) is peer:
            return
        comings = self._comings.get(peer, 0)
        if comings >= self._most_comings:
            self._refuse("comings")
            raise RemoteError("you entered this room too often: reconnect first")
        if not comings:
            peer.closed.add_done_callback(lambda _: self._gone(peer))
        self._comings[peer] = comings + 1
        self._remove(peer.id)
        self._peers[peer.id] = peer
        self._note({"type": "joined", "id": peer.id})

    def leave(self, peer: Peer) -> None:
        """Let a peer leave. A newer connection of the same feed stays."""
        if self._peers.get(peer.id) is peer:
            self._remove(peer.id)

    def review(self, is_internal: Callable[[str], bool]) -> None:
        """Remove feeds that may no longer be here, and make every watcher check again what it may see."""
        for feed in [feed for feed in self._peers if not is_internal(feed)]:
            self._remove(feed)
        self._wake()

    async def watch(
        self, peer: Peer, is_internal: Callable[[str], bool]
    ) -> AsyncGenerator[list[Event], None]:
        """Yield who is here, then changes in batches, for ever. The watching peer joins the room too.

        A peer that is not an internal user sees an empty room until it becomes one. Raises as `join` does.
        """
        known, is_first = None, True
        while True:
            turn = self._turn
            if not is_internal(peer.id):
                if is_first or known is not None:
                    yield [{"type": "state", "ids": []}]
                known = None
            else:
                if known is None:
                    self.join(peer)
                missed = None if known is None else self._version - known
                known, turn = self._version, self._turn
                if missed is None or missed > len(self._changes):
                    yield [{"type": "state", "ids": self.ids}]
                elif missed:
                    yield list(self._changes)[-missed:]
            is_first = False
            while turn == self._turn:
                await self._news.wait()
            await asyncio.sleep(GATHER)

    def _gone(self, peer: Peer) -> None:
        del self._comings[peer]
        self.leave(peer)

    def _remove(self, feed: str) -> None:
        if self._peers.pop(feed, None) is not None:
            self._note({"type": "left", "id": feed})

    def _note(self, change: Event) -> None:
        self._version += 1
        self._changes.append(change)
        self._wake()

    def _wake(self) -> None:
        self._turn += 1
        self._news.set()
        self._news = asyncio.Event()
