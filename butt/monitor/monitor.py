"""The monitor: watches every bot that may be alive, and writes what it sees."""

import asyncio
import logging
import uuid
from typing import Any

from asgiref.sync import sync_to_async
from django.db import close_old_connections
from django.db.models import F
from django.db.models.functions import Greatest
from django.utils import timezone

from butt.agents.bell import ring
from butt.agents.models import Observed, Progress
from butt.agents.states import State
from butt.monitor.watch import Bot, Figures, watch
from butt.scuttlebutt import Address, KeyPair

log = logging.getLogger("butt.monitor")

TICK, HURRY = 0.1, 0.02
AFTER_TROUBLE = 2.0
WATCHED = (State.STARTING, State.ALIVE, State.UPGRADING, State.BROKEN)


class Monitor:
    """`keys` are the service's own: a bot's master."""

    def __init__(self, keys: KeyPair) -> None:
        self._keys = keys
        self._watches: dict[Bot, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Watch until cancelled. Trouble of the database is waited out."""
        try:
            while True:
                try:
                    bots, hurry = await sync_to_async(_bots_to_watch)()
                    self._follow(bots)
                    await asyncio.sleep(HURRY if hurry else TICK)
                except Exception:
                    log.exception("cannot see which bots to watch; trying again")
                    await asyncio.sleep(AFTER_TROUBLE)
        finally:
            self._follow(set())

    def _follow(self, bots: set[Bot]) -> None:
        for bot in self._watches.keys() - bots:
            self._watches.pop(bot).cancel()
        for bot, task in list(self._watches.items()):
            if task.done():
                log.error("watching %s ended: %r", bot.id, task.exception())
                del self._watches[bot]
        for bot in bots - self._watches.keys():
            self._watches[bot] = asyncio.create_task(watch(bot, self._keys, _tell))


def _bots_to_watch() -> tuple[set[Bot], bool]:
    """The bots, and whether one more is about to come: it starts and has yet to make its key."""
    close_old_connections()
    rows = Progress.objects.filter(state__in=WATCHED).values_list("bot_id", "address", "port", "ssb_id")
    bots, hurry = set(), False
    for bot_id, address, port, ssb_id in rows:
        if port and ssb_id:
            bots.add(Bot(bot_id, Address(address, port, ssb_id)))
        else:
            hurry = True
    return bots, hurry


async def _tell(bot_id: uuid.UUID, figures: Figures | None, trouble: str) -> None:
    await sync_to_async(write)(bot_id, figures, trouble)


def write(bot_id: uuid.UUID, figures: Figures | None, trouble: str) -> None:
    """The steward is rung only for what changes its mind: alive or not, and which launch."""
    row = Observed.objects.filter(bot_id=bot_id)
    before = row.values_list("alive", "launch").first()
    now = timezone.now()
    if figures is None:
        row.update(alive=False, trouble=trouble, at=now)
        after: Any = (False, before[1] if before else 0)
    else:
        row.update(
            alive=True,
            trouble="",
            at=now,
            launch=figures.launch,
            started_at=figures.startedAt,
            sequence=Greatest(F("sequence"), figures.sequence),
            memory=figures.memory,
            disk=figures.disk,
            bytes_in=figures.bytesIn,
            bytes_out=figures.bytesOut,
            peers=figures.peers.in_ + figures.peers.out,
        )
        after = (True, figures.launch)
    if before != after:
        ring(bot_id)
