"""The pub's connections, and who may connect."""

import asyncio
from collections.abc import Callable, Collection, Coroutine, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from scuttlekit.peer import Peer

CROSSING = 5.0
"""Two pubs that dial each other within this many seconds count as having dialled at the same time."""


class PeerRole(Enum):
    """The role of a peer, which decides what it may call."""

    MASTER = "master"
    GUEST = "guest"
    """A peer that connects with the key of an invite, used up or not."""
    PEER = "peer"


@dataclass(slots=True, eq=False)
class Link:
    """One connection."""

    peer: Peer
    role: PeerRole
    dialled: bool
    since: float
    """When it began, in seconds of the event loop's clock."""
    is_stranger: bool = False
    guest: str | None = None
    """The feed that used the invite on this connection, if this is a guest."""
    brought: asyncio.Event = field(default_factory=asyncio.Event, repr=False)
    """Set once `guest` is known."""
    work: "asyncio.Task[None] | None" = field(default=None, repr=False)


class Connections:
    """All connections, incoming and outgoing.

    A peer has one connection, and a newer one replaces it. A phone that changed networks reconnects before
    anybody notices that its old connection is dead, and ssb-conn never dials a peer it believes to be
    connected. If two pubs dial each other at the same time, both keep the connection dialled by the one with
    the smaller id. Masters may have any number of connections, and so may an invite key, since several guests
    may share it.

    `begin` is the pub's own work on a new connection; it is cancelled when the connection closes. While
    `is_saving`, only masters, peers that the pub follows, and guests who can still use an invite are
    connected.
    """

    def __init__(
        self,
        own_id: str,
        masters: Collection[str],
        *,
        is_guest: Callable[[str], bool],
        is_awaited: Callable[[str], bool],
        guests_of: Callable[[str], Sequence[str]],
        is_blocked: Callable[[str], bool],
        is_known: Callable[[str], bool],
        strangers: int,
        is_saving: Callable[[], bool],
        follows: Callable[[str], bool],
        refuse: Callable[[str], object],
        begin: Callable[[Link], Coroutine[Any, Any, None]],
    ) -> None:
        self._own_id = own_id
        self._masters = {own_id, *masters}
        self._is_guest = is_guest
        self._is_awaited = is_awaited
        self._guests_of = guests_of
        self._is_blocked = is_blocked
        self._is_known = is_known
        self._most_strangers = strangers
        self._is_saving = is_saving
        self._follows = follows
        self._refuse = refuse
        self._begin = begin
        self._links: dict[str, list[Link]] = {}
        self._strangers = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._count = {True: 0, False: 0}

    def role_of(self, feed: str) -> PeerRole:
        """What a feed may do here: a master everything, a guest what members may, a peer least."""
        if feed in self._masters:
            return PeerRole.MASTER
        return PeerRole.GUEST if self._is_guest(feed) else PeerRole.PEER

    def welcome(self, feed: str) -> bool:
        """Whether a peer that dials us may connect. Blocked peers and surplus strangers may not."""
        if feed in self._masters:
            return True
        if self._is_blocked(feed) or self._is_shut(feed):
            self._refuse("blocked")
            return False
        if self.is_shut_out(feed):
            self._refuse("traffic")
            return False
        if self._strangers >= self._most_strangers and self._is_stranger(feed):
            self._refuse("strangers")
            return False
        return True

    def came_in(self, peer: Peer) -> None:
        """Register an incoming connection."""
        self.take_up(peer, dialled=False)

    def take_up(self, peer: Peer, *, dialled: bool) -> None:
        """Register a new connection."""
        loop = asyncio.get_running_loop()
        # A peer that we dialled gets no more rights than a stranger: it did not ask for any.
        link = Link(peer, PeerRole.PEER if dialled else self.role_of(peer.id), dialled, loop.time())
        if link.role is PeerRole.PEER and not self._replaces(link):
            self._close(peer)
            return
        self._links.setdefault(peer.id, []).append(link)
        if link.role is PeerRole.PEER:
            self._count[dialled] += 1
        link.is_stranger = link.role is not PeerRole.MASTER and not dialled and self._is_stranger(peer.id)
        self._strangers += link.is_stranger
        link.work = self._run(self._begin(link))
        peer.closed.add_done_callback(lambda _: self._gone(link))

    def __iter__(self) -> Iterator[Link]:
        for links in tuple(self._links.values()):
            yield from tuple(links)

    def of(self, feed: str) -> list[Link]:
        """The connections of a feed id."""
        return self._links.get(feed, [])

    def has_brought_in(self, peer: Peer, feed: str) -> None:
        """Record which feed is behind a connection made with an invite key."""
        link = self.link_of(peer)
        if link is not None:
            link.guest = feed
            link.brought.set()

    def link_of(self, peer: Peer) -> Link | None:
        """The connection of a peer, or None once it is gone."""
        return next((link for link in self.of(peer.id) if link.peer is peer), None)

    def present(self) -> set[str]:
        """The feeds that are connected now, including those of guests."""
        return {link.guest or link.peer.id for link in self}

    def is_near(self, peer: Peer) -> bool:
        """Whether the peer of a connection is near enough in the follow graph.

        Guests count by their feed: apps stay on the connection on which they used an invite, sometimes for
        days.
        """
        return self._is_known(peer.id) or any(self._is_known(feed) for feed in self.feeds_of(peer))

    def feeds_of(self, peer: Peer) -> Sequence[str]:
        """The feeds that may be behind a connection made with an invite key.

        A guest that reconnects with the key after an app restart does not say which of the invite's guests it
        is.
        """
        link = self.link_of(peer)
        if link is None or link.role is not PeerRole.GUEST:
            return ()
        return (link.guest,) if link.guest else self._guests_of(peer.id)

    @property
    def peers(self) -> dict[str, int]:
        """The number of peers, `in` and `out`. Masters do not count, nor do guests, who have yet to join."""
        return {"in": self._count[False], "out": self._count[True]}

    def hang_up(self, feed: str) -> None:
        """Close all connections of a feed id, except those with the role of master."""
        for link in tuple(self.of(feed)):
            if link.role is not PeerRole.MASTER:
                self._close(link.peer)

    async def close(self) -> None:
        """Close all connections."""
        await asyncio.gather(*(link.peer.close() for link in self))

    def hang_up_on_blocked(self) -> None:
        """Close the connections of everybody whom the pub blocks now, including those made with an invite key."""
        for feed in tuple(self._links):
            if self._is_blocked(feed):
                self.hang_up(feed)
        for link in self:
            # If several guests share a key, we cannot tell who this is. Guests who are not blocked can reconnect.
            if link.role is PeerRole.GUEST and any(
                self._is_blocked(guest) for guest in self.feeds_of(link.peer)
            ):
                self._close(link.peer)

    def is_shut_out(self, feed: str) -> bool:
        """Whether a peer other than a master is refused because the traffic is used up."""
        if not self._is_saving() or self._follows(feed) or self._is_awaited(feed):
            return False
        return not (self._is_guest(feed) and any(self._follows(guest) for guest in self._guests_of(feed)))

    def hang_up_on_shut_out(self) -> None:
        """Close the connections of those whom `is_shut_out` refuses."""
        for feed in tuple(self._links):
            if self.is_shut_out(feed):
                self.hang_up(feed)

    def _is_shut(self, key: str) -> bool:
        """Whether this is an invite key that only blocked guests can use."""
        if not self._is_guest(key) or self._is_awaited(key):
            return False
        guests = self._guests_of(key)
        return bool(guests) and all(self._is_blocked(guest) for guest in guests)

    def _is_stranger(self, feed: str) -> bool:
        """Whether a peer counts as a stranger, whose number is limited. A guest who can still use an invite does not."""
        return not self._is_known(feed) and not self._is_awaited(feed)

    def _replaces(self, link: Link) -> bool:
        """Close older connections of the same peer. Returns False if an older one stays instead."""
        for other in tuple(self.of(link.peer.id)):
            if other.role is not PeerRole.PEER or not other.peer.is_open:
                continue
            crosses = other.dialled is not link.dialled and link.since - other.since < CROSSING
            if crosses and (self._own_id < link.peer.id) is other.dialled:
                return False
            self._close(other.peer)
        return True

    def _gone(self, link: Link) -> None:
        if link.work is not None:
            link.work.cancel()
        self._strangers -= link.is_stranger
        if link.role is PeerRole.PEER:
            self._count[link.dialled] -= 1
        links = self._links[link.peer.id]
        links.remove(link)
        if not links:
            del self._links[link.peer.id]

    def _close(self, peer: Peer) -> None:
        self._run(peer.close())

    def _run(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
