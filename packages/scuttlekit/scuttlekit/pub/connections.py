"""Whom the pub is connected with, and who may come in."""

import asyncio
from collections.abc import Callable, Collection, Coroutine, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from scuttlekit.peer import Peer

CROSSING = 5.0
"""Seconds in which two that dial each other are taken to have done so at the same moment."""


class PeerRole(Enum):
    """Who somebody is to the pub, by which it decides what they may call."""

    MASTER = "master"
    GUEST = "guest"
    """Whoever connects with the key of an invite, used up or not."""
    PEER = "peer"


@dataclass(slots=True, eq=False)
class Link:
    """One connection."""

    peer: Peer
    role: PeerRole
    dialled: bool
    since: float
    """Seconds of the event loop's clock."""
    is_stranger: bool = False
    guest: str | None = None
    """The feed that a guest brought in on this connection, with the key of an invite."""
    brought: asyncio.Event = field(default_factory=asyncio.Event, repr=False)
    """Set when they did."""
    work: "asyncio.Task[None] | None" = field(default=None, repr=False)


class Connections:
    """All connections, in and out.

    A peer has one connection: a newer one takes the place of the older. A phone that changed its network comes back
    before anybody notices that its old connection is dead, and ssb-conn never dials whom it believes to be connected.
    Where two pubs dial each other at the same moment, both keep the connection that the one with the smaller id dialled.
    Masters have as many as they like, and so has the key of an invite, which several guests may share.

    `begin` is what the pub does on a connection of its own accord; it is cancelled when the connection is gone. While
    `is_saving`, only masters, whom the pub follows, and who can still use an invite are connected.
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
        if feed in self._masters:
            return PeerRole.MASTER
        return PeerRole.GUEST if self._is_guest(feed) else PeerRole.PEER

    def welcome(self, feed: str) -> bool:
        """Whether somebody who dials us may come in: not whom the pub blocks, nor one stranger too many."""
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
        """Take up somebody who dialled us."""
        self.take_up(peer, dialled=False)

    def take_up(self, peer: Peer, *, dialled: bool) -> None:
        """Take up a new connection."""
        loop = asyncio.get_running_loop()
        # Whom we dialled gets no more rights than a stranger: they did not ask for them.
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
        """The connections of one identity."""
        return self._links.get(feed, [])

    def has_brought_in(self, peer: Peer, feed: str) -> None:
        """Note which feed is behind a connection that was made with the key of an invite."""
        link = self.link_of(peer)
        if link is not None:
            link.guest = feed
            link.brought.set()

    def link_of(self, peer: Peer) -> Link | None:
        """The connection with a peer, as long as there is one."""
        return next((link for link in self.of(peer.id) if link.peer is peer), None)

    def present(self) -> set[str]:
        """The feeds that are connected now, those of guests among them."""
        return {link.guest or link.peer.id for link in self}

    def is_near(self, peer: Peer) -> bool:
        """Whether the pub follows, near enough, whoever is at the other end of a connection.

        Apps stay on the connection on which they used an invite, sometimes for days.
        """
        return self._is_known(peer.id) or any(self._is_known(feed) for feed in self.feeds_of(peer))

    def feeds_of(self, peer: Peer) -> Sequence[str]:
        """The feeds that may be behind a connection that was made with the key of an invite.

        Who came back on it, after their app began again, does not say which of the invite's guests they are.
        """
        link = self.link_of(peer)
        if link is None or link.role is not PeerRole.GUEST:
            return ()
        return (link.guest,) if link.guest else self._guests_of(peer.id)

    @property
    def peers(self) -> dict[str, int]:
        """How many there are, `in` and `out`. Masters, who look after the pub, are none, nor are guests: they have yet to join."""
        return {"in": self._count[False], "out": self._count[True]}

    def hang_up(self, feed: str) -> None:
        """Close all connections of one identity that is no master."""
        for link in tuple(self.of(feed)):
            if link.role is not PeerRole.MASTER:
                self._close(link.peer)

    async def close(self) -> None:
        """Say goodbye to everybody."""
        await asyncio.gather(*(link.peer.close() for link in self))

    def hang_up_on_blocked(self) -> None:
        """Close the connections of everybody whom the pub blocks now, also those that were made with the key of an invite."""
        for feed in tuple(self._links):
            if self._is_blocked(feed):
                self.hang_up(feed)
        for link in self:
            # Of several who share a key it is not known who is there; whoever is not blocked connects again.
            if link.role is PeerRole.GUEST and any(
                self._is_blocked(guest) for guest in self.feeds_of(link.peer)
            ):
                self._close(link.peer)

    def is_shut_out(self, feed: str) -> bool:
        """Whether there is no traffic left for somebody who is no master."""
        if not self._is_saving() or self._follows(feed) or self._is_awaited(feed):
            return False
        return not (self._is_guest(feed) and any(self._follows(guest) for guest in self._guests_of(feed)))

    def hang_up_on_shut_out(self) -> None:
        """Close the connections of those for whom there is no traffic left."""
        for feed in tuple(self._links):
            if self.is_shut_out(feed):
                self.hang_up(feed)

    def _is_shut(self, key: str) -> bool:
        """Whether nobody can come with this key of an invite but those whom the pub blocks."""
        if not self._is_guest(key) or self._is_awaited(key):
            return False
        guests = self._guests_of(key)
        return bool(guests) and all(self._is_blocked(guest) for guest in guests)

    def _is_stranger(self, feed: str) -> bool:
        """Whether they count among those who must leave room for others. Who can still use an invite does not."""
        return not self._is_known(feed) and not self._is_awaited(feed)

    def _replaces(self, link: Link) -> bool:
        """Make room for a connection of a peer who has one already; False if the older one stays."""
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
