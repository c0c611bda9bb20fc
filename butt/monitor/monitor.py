"""The monitor: watches its share of the bots that may be alive, and has written what it sees."""

import asyncio
import logging
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

from butt.agents.models import Progress
from butt.agents.states import SHOULD_ANSWER
from butt.chores import OFTEN, Chore, chores_of_rooms
from butt.monitor import sign_outs
from butt.monitor.fullness import tell_of_fullness
from butt.monitor.guests import Guests
from butt.monitor.ledger import Ledger
from butt.monitor.outages import tell_owners
from butt.monitor.rollups import prune, roll_up
from butt.monitor.roster import BEAT, Roster
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
from butt.monitor.watch import Bot, watch
from scuttlekit import Address, KeyPair, Peer, network_key

log = logging.getLogger("butt.monitor")

TICK, HURRY = 0.1, 0.02
LOOKING_SHARE = 10
"""Looking for bots to watch takes at most one part in so many of the time."""

AFTER_TROUBLE = 2.0

CHORES = (
    Chore(tell_owners, OFTEN),
    Chore(tell_of_fullness, OFTEN),
    Chore(roll_up, OFTEN),
    Chore(prune, OFTEN),
)
"""The monitor's own. Trouble of one chore is no other's."""

Place: TypeAlias = tuple[uuid.UUID, str, int, str, str]
"""A bot's id, the host, port and key of its address, and its network."""


class Monitor:
    """`keys` are the service's own: a bot's master."""

    def __init__(self, keys: KeyPair) -> None:
        self._keys = keys
        self._watches: dict[Place, asyncio.Task[None]] = {}
        self._ledger, self._roster = Ledger(), Roster()
        self._guests = Guests()
        self._telling = Telling(self._guests)
        self._thread = ThreadPoolExecutor(1)

    async def run(self) -> None:
        """Watch until cancelled. Trouble of the database is waited out."""
        try:
            await _waiting_out(self._beat)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._ledger.run())
                tasks.create_task(self._guests.run())
                for work, pause in (
                    (self._look, 0),
                    (self._beat, BEAT.total_seconds()),
                    (self._telling.withdraw, WITHDRAW_EVERY),
                    (self._telling.retell, RETELL_EVERY),
                    (self._telling.introduce, INTRODUCE_EVERY),
                    (self._telling.say_caught_up, CATCH_UP_EVERY),
                    (self._telling.announce, ANNOUNCE_EVERY),
                    (self._telling.join_others, JOIN_EVERY),
                    (self._telling.limit, LIMIT_EVERY),
                    (self._telling.furnish, ROOM_EVERY),
                ):
                    tasks.create_task(_again_and_again(work, pause))
                for chore in (*CHORES, *chores_of_rooms()):
                    tasks.create_task(_again_and_again(partial(self._lead, chore), chore.pause))
        finally:
            self._follow(set())
            await sync_to_async(self._roster.leave)()

    async def _look(self) -> None:
        began = time.monotonic()
        places, hurry = await sync_to_async(_places)()
        self._follow({place for place in places if self._roster.is_mine(place[0])})
        looked = time.monotonic() - began
        await asyncio.sleep(max(HURRY if hurry else TICK, looked * LOOKING_SHARE))

    async def _beat(self) -> None:
        await sync_to_async(self._roster.beat)(
            watching=len(self._watches), written=self._ledger.written, lost=self._ledger.lost
        )

    async def _lead(self, chore: Chore) -> None:
        """Have it done, as soon as it is on us, until there is no more of it."""
        more: bool | None = True
        while more:
            more = not self._roster.leads or await self._beside(chore)
            await asyncio.sleep(TICK)

    async def _beside(self, chore: Chore) -> bool | None:
        """In a thread of its own, so that nothing that is seen waits for it; it has a connection of its own, too."""

        def do(now: datetime) -> bool | None:
            close_old_connections()
            return chore.step(now)

        return await sync_to_async(do, thread_sensitive=False, executor=self._thread)(timezone.now())

    def _follow(self, places: set[Place]) -> None:
        for place in self._watches.keys() - places:
            self._watches.pop(place).cancel()
            self._ledger.forget(place[0])
        for place, task in list(self._watches.items()):
            if task.done():
                log.error("watching %s ended: %r", place[0], task.exception())
                del self._watches[place]
        for place in places - self._watches.keys():
            bot_id, host, port, ssb_id, network = place
            bot = Bot(bot_id, Address(host, port, ssb_id), network_key(network))
            self._watches[place] = asyncio.create_task(
                watch(bot, self._keys, self._ledger.tell, self._attend)
            )

    async def _attend(self, bot_id: uuid.UUID, peer: Peer) -> None:
        """What is done over the connection to a bot beside listening to its figures."""
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
            log.exception("this did not end well; trying again")
            await asyncio.sleep(AFTER_TROUBLE)


def _places() -> tuple[set[Place], bool]:
    """Where the bots are, and whether one more is about to come: it starts and has yet to make its key."""
    close_old_connections()
    rows = Progress.objects.filter(state__in=SHOULD_ANSWER).values_list(
        "bot_id", "address", "port", "ssb_id", "bot__wanted__network"
    )
    places, hurry = set[Place](), False
    for bot_id, address, port, ssb_id, network in rows:
        if port and ssb_id:
            places.add((bot_id, address, port, ssb_id, network))
        else:
            hurry = True
    return places, hurry
