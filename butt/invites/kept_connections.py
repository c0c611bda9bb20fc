"""Connections to bots, kept open by a server that answers people: connecting for each call would take ten times
as long.

They live on an event loop in a thread of their own, whatever the caller runs on. Every call made over them
can be repeated without harm, so one that finds its connection lost is repeated on a new one.
"""

import asyncio
import threading
import time
from collections import OrderedDict
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeAlias

import uvloop

from butt.agents.models import Agent
from butt.identity import service_keys
from scuttlekit import Address, ConnectionLost, Peer, ScuttlebuttError, dial, network_key

if TYPE_CHECKING:
    from concurrent.futures import Future

PATIENCE = 5.0
"""Seconds to wait for a connection, and again for an answer: a busy pub can be silent for up to 2.4 s."""

IDLE = 60.0
MOST_KEPT = 100
SWEEP = 10.0


Door: TypeAlias = tuple[Address, bytes]
"""Where a bot is reached, and the key of its network."""


class KeptConnections:
    """Each process has one, `kept_connections`."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Door, tuple[asyncio.Task[Peer], float]] = OrderedDict()
        self._ending: set[asyncio.Task[None]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._starting = threading.Lock()

    def call(self, bot: Agent, name: str, *args: Any) -> Any:
        """What the bot answers to the service, its master. It must have its key and port. Raises
        `ScuttlebuttError`.
        """
        return self._asking(bot, name, *args).result()

    async def ask(self, bot: Agent, name: str, *args: Any) -> Any:
        """The same for callers on another event loop."""
        return await asyncio.wrap_future(self._asking(bot, name, *args))

    def _asking(self, bot: Agent, name: str, *args: Any) -> "Future[Any]":
        door = (address_of(bot), network_key(bot.wanted.network))
        return asyncio.run_coroutine_threadsafe(self._call(door, name, *args), self._running())

    def _running(self) -> asyncio.AbstractEventLoop:
        with self._starting:
            if self._loop is None:
                self._keys = service_keys()
                self._loop = uvloop.new_event_loop()
                threading.Thread(target=self._loop.run_forever, name="kept connections", daemon=True).start()
                asyncio.run_coroutine_threadsafe(self._sweep(), self._loop)
            return self._loop

    async def _call(self, door: Door, name: str, *args: Any) -> Any:
        was_kept = door in self._kept
        try:
            return await (await self._peer(door)).call(name, *args, timeout=PATIENCE)
        except ConnectionLost:
            if not was_kept:
                raise
        return await (await self._peer(door)).call(name, *args, timeout=PATIENCE)

    async def _peer(self, door: Door) -> Peer:
        dialling, _ = self._kept.get(door, (None, 0.0))
        if dialling is None or _is_over(dialling):
            while len(self._kept) >= MOST_KEPT:
                self._hang_up(next(iter(self._kept)))
            address, network = door
            dialling = asyncio.create_task(dial(address, self._keys, timeout=PATIENCE, network=network))
        self._kept[door] = (dialling, time.monotonic())
        self._kept.move_to_end(door)
        # Several callers may wait for one connection, and one of them may give up.
        return await asyncio.shield(dialling)

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP)
            old = time.monotonic() - IDLE
            for door, (dialling, used) in list(self._kept.items()):
                if used < old or _is_over(dialling):
                    self._hang_up(door)

    def _hang_up(self, door: Door) -> None:
        dialling, _ = self._kept.pop(door)
        ending = asyncio.create_task(_close(dialling))
        self._ending.add(ending)
        ending.add_done_callback(self._ending.discard)


def address_of(bot: Agent) -> Address:
    """The address of its pub; the bot must have a key and a port."""
    progress = bot.progress
    return Address(progress.address, progress.port or 0, progress.ssb_id or "")


async def _close(dialling: "asyncio.Task[Peer]") -> None:
    with suppress(ScuttlebuttError):
        await (await dialling).close()


def _is_over(dialling: "asyncio.Task[Peer]") -> bool:
    return dialling.done() and (dialling.exception() is not None or not dialling.result().is_open)


kept_connections = KeptConnections()
