"""The monitor: watches its share of the bots that may be alive, and has what it sees written down."""

import asyncio
import gc
import logging
import random
import time
import uuid
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from typing import TypeAlias

from asgiref.sync import sync_to_async
from django.db import close_old_connections
from django.utils import timezone

from butt.agents.models import Agent, Progress, Wanted
from butt.agents.states import SHOULD_ANSWER
from butt.chores import EACH_MINUTE, OFTEN, Chore, chores_of_packages
from butt.imports.models import Import
from butt.invites.models import Invite, Listing
from butt.monitor import sign_outs
from butt.monitor.fullness import tell_of_fullness
from butt.monitor.guests import Guests
from butt.monitor.membership import BEAT, Membership
from butt.monitor.outages import tell_owners
from butt.monitor.rollups import roll_up_and_prune
from butt.monitor.sample_buffer import SampleBuffer
from butt.monitor.signs import Silences
from butt.monitor.telling import (
    ANNOUNCE_EVERY,
    CATCH_UP_EVERY,
    INTRODUCE_EVERY,
    JOIN_EVERY,
    LIMIT_EVERY,
    RETELL_EVERY,
    ROOM_EVERY,
    WITHDRAW_EVERY,
    Telling,
)
from butt.monitor.turns import Turns
from butt.monitor.watch import EVERY, Bot, FigurePace, watch
from butt.peers.models import OtherPub
from butt.waking.listening import WriteEvent, listening
from scuttlekit import Address, KeyPair, Peer, network_key

log = logging.getLogger("butt.monitor")

TICK = 0.1
SELDOM = 30.0
"""Seconds after which something is checked even if nothing has changed."""

LOOKING_SHARE = 10
"""Looking for bots to watch takes at most one part in this many of the time."""

CHORES_SHARE, SELDOM_SHARE = 300, 1000
"""The same for a chore that finds nothing to do, and for looking although nothing has changed."""

FIGURES_A_SECOND, AT_REST_A_SECOND = 100, 20
LONGEST_QUIET, LONGEST_FULL = 60, 180
"""A monitor receives this many figures a second, and of bots at which nothing changes fewer: the more bots, the less often.
But it hears from each at least once in `LONGEST_QUIET` seconds, and gets its figures once in `LONGEST_FULL`: charts of a day
have a step of three minutes.
"""

NOT_OF_PLACES = ("due_at", "reason", "deadline", "notice", "move_notice")
"""Columns that the steward writes without moving a bot."""

AFTER_TROUBLE = 2.0

COLLECTED_AFTER = (10_000, 10, 20)
"""Python's garbage collector goes over all connections after so many new objects, times the other two. By default it did
so every other minute, which takes over a second with ten thousand bots. What was seen is written and gone before that.
"""

CHORES = (
    Chore(tell_owners, OFTEN),
    Chore(tell_of_fullness, EACH_MINUTE),
    Chore(roll_up_and_prune, EACH_MINUTE),
)
"""The monitor's own chores. An error in one does not affect the others."""

TOLD_OF = (Agent, Wanted, Progress, Invite, Listing, OtherPub, Import)
"""The tables with what bots are told, and where the bots are."""

Place: TypeAlias = tuple[uuid.UUID, str, int, str, str]
"""A bot's id, the host, port and key of its address, and its network."""


class Monitor:
    """`keys` are the service's own: it is the master of every bot."""

    def __init__(self, keys: KeyPair) -> None:
        self._keys = keys
        self._watches: dict[Place, asyncio.Task[None]] = {}
        self._news: list[asyncio.Event] = []
        self._buffer, self._membership = SampleBuffer(self._spread), Membership()
        self._guests = Guests()
        self._telling = Telling(self._guests)
        self._turns, self._silences = Turns(), Silences()
        self._thread = ThreadPoolExecutor(1)

    async def run(self) -> None:
        """Watch until cancelled. Database errors are waited out."""
        gc.set_threshold(*COLLECTED_AFTER)
        try:
            await _waiting_out(self._beat)
            with (
                listening(Progress, Wanted, ignoring=NOT_OF_PLACES) as moved,
                listening(*TOLD_OF, ignoring=NOT_OF_PLACES) as changed,
            ):
                await self._work(moved, changed)
        finally:
            self._follow(set())
            await sync_to_async(self._membership.leave)()

    async def _work(self, moved: WriteEvent, changed: WriteEvent) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._buffer.run())
            tasks.create_task(self._guests.run())
            tasks.create_task(_again_and_again(partial(self._look, moved), 0))
            tasks.create_task(_again_and_again(partial(self._beat, moved), BEAT.total_seconds()))
            tasks.create_task(_again_and_again(partial(self._hear, changed), 0))
            for work, pause in (
                (self._telling.withdraw, WITHDRAW_EVERY),
                (self._telling.retell, RETELL_EVERY),
                (self._telling.introduce, INTRODUCE_EVERY),
                (self._telling.say_caught_up, CATCH_UP_EVERY),
                (self._telling.announce, ANNOUNCE_EVERY),
                (self._telling.join_others, JOIN_EVERY),
                (self._telling.limit, LIMIT_EVERY),
                (self._telling.recount, LIMIT_EVERY),
                (self._telling.furnish, ROOM_EVERY),
            ):
                tasks.create_task(_again_and_again(partial(self._tell, work, pause, self._new_event()), 0))
            for chore in (*CHORES, *chores_of_packages()):
                tasks.create_task(_again_and_again(partial(self._lead, chore), chore.pause))

    async def _look(self, moved: WriteEvent) -> None:
        """Find the bots to watch, and wait until that may have changed."""
        began = time.monotonic()
        places = await sync_to_async(_places)()
        self._follow({place for place in places if self._membership.is_mine(place[0])})
        took = time.monotonic() - began
        await asyncio.sleep(took * LOOKING_SHARE)
        await moved.wait_async(max(SELDOM, took * SELDOM_SHARE))

    async def _beat(self, moved: WriteEvent | None = None) -> None:
        living = set(self._membership.living)
        await sync_to_async(self._membership.beat)(
            watching=len(self._watches), written=self._buffer.written, lost=self._buffer.lost
        )
        if moved and set(self._membership.living) != living:
            moved.set()

    async def _hear(self, changed: WriteEvent) -> None:
        await changed.wait_async(SELDOM)
        self._spread()

    def _new_event(self) -> asyncio.Event:
        self._news.append(asyncio.Event())
        return self._news[-1]

    def _spread(self) -> None:
        """There may be something to tell bots."""
        for event in self._news:
            event.set()

    async def _tell(self, work: Callable[[], Awaitable[bool]], pause: float, news: asyncio.Event) -> None:
        """Tell bots the news; then pause, and wait for more news once everything is told."""
        news.clear()
        is_left = await work()
        await asyncio.sleep(pause)
        if not is_left:
            await news.wait()

    async def _lead(self, chore: Chore) -> None:
        """Run the chore, if it is our turn, until it has nothing left to do."""
        more: bool | None = True
        while more:
            began = time.monotonic()
            more = not self._membership.leads or await self._beside(chore)
            await asyncio.sleep(TICK if more else (time.monotonic() - began) * CHORES_SHARE)

    def _pace(self) -> FigurePace:
        """How often a bot that is connected to now sends its figures."""
        count = len(self._watches)
        every = max(EVERY, min(LONGEST_QUIET, count // FIGURES_A_SECOND))
        rest = max(EVERY, count // AT_REST_A_SECOND)
        quiet = min(LONGEST_QUIET, rest)
        # Bots that were connected to at the same time do not go on sending at the same time.
        quiet = max(every, quiet - random.randrange(quiet // 4))  # nosec B311 # noqa: S311
        return FigurePace(every, quiet, quiet * max(1, min(LONGEST_FULL, rest) // quiet))

    async def _beside(self, chore: Chore) -> bool | None:
        """Run in a separate thread, so that nothing that is seen waits for it; it has its own database connection, too."""

        def do(now: datetime) -> bool | None:
            close_old_connections()
            return chore.step(now)

        return await sync_to_async(do, thread_sensitive=False, executor=self._thread)(timezone.now())

    def _follow(self, places: set[Place]) -> None:
        for place in self._watches.keys() - places:
            self._watches.pop(place).cancel()
            self._buffer.forget(place[0])
        for place, task in list(self._watches.items()):
            if task.done():
                log.error("watching %s ended: %r", place[0], task.exception())
                del self._watches[place]
        for place in places - self._watches.keys():
            bot_id, host, port, ssb_id, network = place
            bot = Bot(bot_id, Address(host, port, ssb_id), network_key(network))
            self._watches[place] = asyncio.create_task(
                watch(
                    bot,
                    self._keys,
                    self._buffer.tell,
                    self._attend,
                    self._pace,
                    self._turns,
                    self._silences,
                )
            )

    async def _attend(self, bot_id: uuid.UUID, peer: Peer) -> None:
        """What is done over the connection to a bot besides listening to its figures."""
        await asyncio.gather(self._guests.attend(bot_id, peer), sign_outs.attend(bot_id, peer))


async def _again_and_again(work: Callable[[], Awaitable[None]], pause: float) -> None:
    while True:
        await _waiting_out(work)
        await asyncio.sleep(pause)


async def _waiting_out(work: Callable[[], Awaitable[None]]) -> None:
    while True:
        try:
            return await work()
        except Exception:
            log.exception("this failed; trying again")
            await asyncio.sleep(AFTER_TROUBLE)


def _places() -> set[Place]:
    """Where the bots are."""
    close_old_connections()
    rows = Progress.objects.filter(state__in=SHOULD_ANSWER).values_list(
        "bot_id", "address", "port", "ssb_id", "bot__wanted__network"
    )
    # A bot that starts for the first time has yet to make its key.
    return {
        (bot_id, address, port, ssb_id, network)
        for bot_id, address, port, ssb_id, network in rows
        if port and ssb_id
    }
