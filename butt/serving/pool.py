"""Threads that work for all clients in turns: however much one client asks for, the next one's turn comes soon.

Known clients and strangers take turns, and some threads are never given to strangers, so that a crowd of them
keeps nobody waiting. Within each group networks take turns, and within a network its clients. For each there
is a bound on what is worked on at once, so that slow requests leave threads to others, and on what waits, so
that the rest is refused at once. Pools with a common `Share` also bound together what is worked on for one
network: all threads of a process share one processor, so each thread that works for a network slows down
everybody's pages.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from dataclasses import dataclass, field
from typing import TypeVar

from butt.limits.slowed import note
from butt.limits.table import CLIENT_WAITING, WAITING, Limit
from butt.serving.clients import Client

T = TypeVar("T")

FOR_KNOWN = 3
"""One thread in this many works only for known clients."""


class Full(Exception):
    """As many requests of this client, or of all clients, are waiting as `limit` allows."""

    def __init__(self, limit: Limit) -> None:
        super().__init__(limit.name)
        self.limit = limit


class ClientGone(Exception):
    """The client closed the connection before its turn came."""


@dataclass(eq=False)
class _Turn:
    client: Client
    is_gone: Callable[[], bool]
    begins: asyncio.Future[None]


@dataclass
class _Network:
    """Those who wait: the client whose turn is next comes first."""

    clients: dict[Client, deque[_Turn]] = field(default_factory=dict)
    waiting: int = 0


class Share:
    """What several pools together work on at once for each network. Must be used on one event loop."""

    def __init__(self, most: Limit) -> None:
        self._most = most
        self._at_work: Counter[str] = Counter()
        self._pools: list[FairPool] = []

    def join(self, pool: "FairPool") -> None:
        """From now on, `pool` counts its work here."""
        self._pools.append(pool)

    def has_room(self, network: str) -> bool:
        return self._at_work[network] < self._most.most

    def begin(self, network: str, pool: "FairPool") -> None:
        self._at_work[network] += 1
        self._pools.remove(pool)
        self._pools.append(pool)

    def end(self, network: str) -> None:
        """The pool that has started nothing for the longest time is offered the room first, so that no pool
        keeps all of it.
        """
        self._at_work[network] -= 1
        if not self._at_work[network]:
            del self._at_work[network]
        for pool in list(self._pools):
            pool.begin_more()


class FairPool:
    """Must be used on one event loop. `client` and `address` bound the work for each at once; `share` bounds
    the work for each address in several pools together.
    """

    def __init__(
        self, name: str, threads: int, client: Limit, address: Limit, share: Share | None = None
    ) -> None:
        self._threads = ThreadPoolExecutor(threads, name)
        self._free = threads
        self._for_strangers = max(1, threads - threads // FOR_KNOWN)
        self._strangers_at_work = 0
        self._client, self._address = client, address
        self._share = share
        if share:
            share.join(self)
        self._at_work: Counter[Client | str] = Counter()
        self._known: dict[str, _Network] = {}
        self._strangers: dict[str, _Network] = {}
        self._known_come_first = False
        self._waiting = 0

    async def run(
        self, client: Client, work: Callable[[], T], is_gone: Callable[[], bool] = lambda: False
    ) -> T:
        """Run `work` in a thread and return its result. Raises `Full` at once, or `ClientGone` when it is
        `client`'s turn.
        """
        if self._free and not self._waiting and self._may_begin(client):
            self._begin(client)
        else:
            await self._turn(client, is_gone)
        loop = asyncio.get_running_loop()
        done = self._threads.submit(copy_context().run, work)
        done.add_done_callback(lambda _: self._ended(loop, client))
        return await asyncio.wrap_future(done)

    async def _turn(self, client: Client, is_gone: Callable[[], bool]) -> None:
        turn = _Turn(client, is_gone, asyncio.get_running_loop().create_future())
        network = self._networks(client).setdefault(client.network, _Network())
        theirs = network.clients.setdefault(client, deque())
        try:
            if len(theirs) >= CLIENT_WAITING.most:
                raise _full(CLIENT_WAITING, client)
            theirs.append(turn)
            network.waiting += 1
            self._waiting += 1
            if self._waiting > WAITING.most:
                self._refuse_one()
            self.begin_more()
            await turn.begins
        except asyncio.CancelledError:
            if turn in theirs:
                self._remove(turn)
            elif turn.begins.done() and not turn.begins.cancelled() and not turn.begins.exception():
                self._end(client)
            raise
        finally:
            self._clear(client)

    def _networks(self, client: Client) -> dict[str, _Network]:
        """The networks, by name, that take turns with this client's."""
        return self._known if client.is_known else self._strangers

    def _refuse_one(self) -> None:
        """Refuse the newest request of the client with the most waiting, in the network with the most.
        Strangers come first.
        """
        networks = [each for each in self._strangers.values() if each.waiting] or self._known.values()
        network = max(networks, key=lambda each: each.waiting)
        turn = max(network.clients.values(), key=len)[-1]
        self._remove(turn)
        turn.begins.set_exception(_full(WAITING, turn.client))

    def _remove(self, turn: _Turn) -> None:
        network = self._networks(turn.client)[turn.client.network]
        network.clients[turn.client].remove(turn)
        network.waiting -= 1
        self._waiting -= 1

    def _clear(self, client: Client) -> None:
        networks = self._networks(client)
        network = networks.get(client.network)
        if network and not network.clients.get(client):
            network.clients.pop(client, None)
        if network and not network.clients:
            del networks[client.network]

    def _may_begin(self, client: Client) -> bool:
        if not client.is_known and self._strangers_at_work >= self._for_strangers:
            return False
        return (
            self._at_work[client] < self._client.most
            and self._at_work[client.network] < self._address.most
            and (self._share is None or self._share.has_room(client.network))
        )

    def _begin(self, client: Client) -> None:
        self._free -= 1
        self._strangers_at_work += not client.is_known
        self._at_work[client] += 1
        self._at_work[client.network] += 1
        if self._share:
            self._share.begin(client.network, self)

    def _end(self, client: Client) -> None:
        self._free += 1
        self._strangers_at_work -= not client.is_known
        for key in (client, client.network):
            self._at_work[key] -= 1
            if not self._at_work[key]:
                del self._at_work[key]
        if self._share:
            self._share.end(client.network)
        else:
            self.begin_more()

    def _ended(self, loop: asyncio.AbstractEventLoop, client: Client) -> None:
        with suppress(RuntimeError):  # the loop is closed: the server stops
            loop.call_soon_threadsafe(self._end, client)

    def begin_more(self) -> None:
        """Give free threads to those whose turn it is."""
        while self._free and (turn := self._next()):
            self._remove(turn)
            if turn.begins.done():
                continue
            if turn.is_gone():
                turn.begins.set_exception(ClientGone())
            else:
                self._begin(turn.client)
                turn.begins.set_result(None)

    def _next(self) -> _Turn | None:
        self._known_come_first = not self._known_come_first
        first, then = self._known, self._strangers
        if not self._known_come_first:
            first, then = then, first
        return self._next_of(first) or self._next_of(then)

    def _next_of(self, networks: dict[str, _Network]) -> _Turn | None:
        for name, network in networks.items():
            for client, turns in network.clients.items():
                if turns and self._may_begin(client):
                    # It now comes last, and so does its network.
                    network.clients[client] = network.clients.pop(client)
                    networks[name] = networks.pop(name)
                    return turns[0]
        return None


def _full(limit: Limit, client: Client) -> Full:
    note(limit, client.address)
    return Full(limit)
