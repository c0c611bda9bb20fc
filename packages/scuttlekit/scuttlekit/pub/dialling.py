"""Dialling: a simple scheduler that keeps a few good outgoing connections.

It checks regularly whether there are enough, and dials the peers that have waited longest. A peer that does
not answer is left alone for twice as long each time, and finally forgotten. Incoming connections are never
closed because the pub also knows their address. If all places have been taken for long and others wait, the
oldest connection is closed, so that over time the pub meets every peer it knows.
"""

import asyncio
import random
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from scuttlekit.addresses import Address
from scuttlekit.connection import Traffic
from scuttlekit.errors import HandshakeFailed, ScuttlebuttError, Unreachable
from scuttlekit.keys import KeyPair
from scuttlekit.network import dial
from scuttlekit.peer import Peer
from scuttlekit.pub.connections import Connections
from scuttlekit.pub.fence import open_hosts
from scuttlekit.pub.gossip import FIRST_WAIT, Gossip, KnownAddress
from scuttlekit.serving import Api

EVERY: Final = 2.0
"""Seconds between checks."""
PATIENCE: Final = 10.0
"""Seconds for name resolution, connection and handshake together."""
FORGOTTEN_AFTER: Final = 40
"""Failures in a row; this many take about four weeks."""
TURN: Final = 1800.0
"""Seconds after which a connection may be closed for peers that wait."""
TOO_SHORT: Final = 20.0
"""Seconds. A shorter connection counts as a failure."""
WRITE_EVERY: Final = 10.0
MOST_HOSTS: Final = 3
"""How many IP addresses of a host name are tried."""


class Dialler:
    """Keeps up to `places` connections to peers from `gossip`, and dials others on request."""

    def __init__(
        self,
        keys: KeyPair,
        gossip: Gossip,
        connections: Connections,
        *,
        places: int,
        fenced: bool,
        network: bytes,
        offer: Callable[[Peer], Api],
        traffic: Traffic,
        is_shut_out: Callable[[str], bool],
    ) -> None:
        self._keys = keys
        self._gossip = gossip
        self._connections = connections
        self._places = places
        self._fenced = fenced
        self._network = network
        self._offer = offer
        self._traffic = traffic
        self._is_shut_out = is_shut_out
        self._own: set[str] = set()
        self._dialling: dict[str, asyncio.Task[Peer]] = {}
        self._hurry = asyncio.Event()
        self._jitter = random.Random()  # nosec B311 # noqa: S311 - it spreads attempts, and protects no secret

    async def run(self) -> None:
        """Dial peers that are due and save the known addresses, for ever. Raises OSError if the file cannot
        be written.
        """
        written = 0.0
        while True:
            self._look()
            if time.monotonic() - written >= WRITE_EVERY:
                written = time.monotonic()
                self._gossip.write()
            self._hurry.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._hurry.wait(), EVERY)

    def stop(self) -> None:
        """Stop dialling, and save the known addresses. Raises OSError."""
        for task in self._dialling.values():
            task.cancel()
        self._gossip.write()

    def hurry(self) -> None:
        """Check at once, for example because there is a new peer to dial."""
        self._hurry.set()

    async def connect(self, known: KnownAddress) -> Peer:
        """Connect to a peer now, or return its existing connection. Raises ScuttlebuttError."""
        if links := self._connections.of(known.key):
            return links[-1].peer
        return await asyncio.shield(self._begin(known))

    async def reach(
        self, address: Address, keys: KeyPair, offer: Callable[[Peer], Api] | None = None
    ) -> Peer:
        """Dial an address with the given keys, if the fence allows it. Raises Unreachable, HandshakeFailed."""
        error: ScuttlebuttError = Unreachable(f"{address.host} has no address")
        deadline = time.monotonic() + PATIENCE
        for host in (await open_hosts(address.host, fenced=self._fenced))[:MOST_HOSTS]:
            left = deadline - time.monotonic()
            if left <= 0:
                break
            try:
                return await dial(
                    Address(host, address.port, address.key, address.transport),
                    keys,
                    timeout=left,
                    network=self._network,
                    handlers=offer,
                    traffic=self._traffic,
                )
            except (Unreachable, HandshakeFailed) as failed:
                error = failed
        raise error

    def is_dialling(self, key: str) -> bool:
        return key in self._dialling

    def _look(self) -> None:
        links = [link for link in self._connections if link.dialled and link.peer.id in self._own]
        places = self._places - len(links) - len(self._dialling)
        now = time.time() * 1000
        waiting = sorted(
            (known for known in self._gossip if self._is_due(known, now)),
            key=lambda known: (known.failures, known.changed),
        )
        for known in waiting[: max(0, places)]:
            task = self._begin(known)
            self._own.add(known.key)
            task.add_done_callback(_heard)
        if len(waiting) > max(0, places) and len(links) >= self._places:
            oldest = min(links, key=lambda link: link.since)
            if asyncio.get_running_loop().time() - oldest.since > TURN:
                self._connections.hang_up(oldest.peer.id)

    def _is_due(self, known: KnownAddress, now: float) -> bool:
        if known.address.transport != "net" or known.key in self._dialling or known.key == self._keys.id:
            return False
        if self._connections.of(known.key) or self._is_shut_out(known.key):
            return False
        return known.is_due(now)

    def _begin(self, known: KnownAddress) -> "asyncio.Task[Peer]":
        if (task := self._dialling.get(known.key)) is None:
            task = self._dialling[known.key] = asyncio.get_running_loop().create_task(self._dial(known))
            task.add_done_callback(lambda _: self._dialling.pop(known.key, None))
        return task

    async def _dial(self, known: KnownAddress) -> Peer:
        began = time.monotonic()
        try:
            peer = await self.reach(known.address, self._keys, self._offer)
        except ScuttlebuttError:
            self._note(known, well=False)
            raise
        self._note(known, well=True)
        self._connections.take_up(peer, dialled=True)
        peer.closed.add_done_callback(lambda _: self._lost(known, time.monotonic() - began))
        return peer

    def _lost(self, known: KnownAddress, lasted: float) -> None:
        self._own.discard(known.key)
        self._note(known, well=lasted >= TOO_SHORT)
        self.hurry()

    def _note(self, known: KnownAddress, *, well: bool) -> None:
        known.tried(well=well)
        # Spread the retries, in case many peers failed for the same reason.
        known.changed -= self._jitter.uniform(0, 0.2) * FIRST_WAIT * 1000
        if not well:
            self._own.discard(known.key)
        if known.failures >= FORGOTTEN_AFTER:
            self._gossip.remove(known.key)
        self._gossip.is_changed = True


def _heard(task: "asyncio.Task[Any]") -> None:
    """Retrieve the error of an automatic dial, which `_dial` has already recorded."""
    if not task.cancelled():
        task.exception()
