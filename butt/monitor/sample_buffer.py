"""What was seen and is not written yet. A second's figures are written together, or those of a few seconds beside thousands of
bots; a change is written at once and before all others.
"""

import asyncio
import logging
import uuid
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from itertools import islice
from time import monotonic

from asgiref.sync import sync_to_async
from django.utils import timezone

from butt.figures.spans import FINEST
from butt.monitor.bot_figures import BotFigures
from butt.monitor.samples import AT_ONCE, Seen, write

log = logging.getLogger("butt.monitor")

PAUSE, LONGEST_PAUSE, BOTS_A_SECOND = 1.0, 5.0, 2000
"""Seconds from one writing to the next: one more for so many bots. Once a feed has moved on, its figures wait for `PAUSE` at
most: its sequence number must be known before the bot can be lost.
"""
AFTER_TROUBLE = 2.0
MOST_WAITING = 360
"""How many sightings of one bot wait while the database is away: an hour's."""


class SampleBuffer:
    """Filled by watching, emptied by `run`. `on_change` is called once it is written that bots came alive, or stopped being so."""

    def __init__(self, on_change: Callable[[], None] = lambda: None) -> None:
        self._on_change = on_change
        self._waiting: dict[uuid.UUID, list[Seen]] = defaultdict(list)
        self._known: dict[uuid.UUID, tuple[bool, int]] = {}
        self._sequences: dict[uuid.UUID, int] = {}
        self._seen: dict[uuid.UUID, float] = {}
        self._changed: dict[uuid.UUID, None] = {}
        self._urgent = asyncio.Event()
        self._moved_on = False
        """Whether a feed has, since the last writing."""
        self.written = self.lost = 0

    async def tell(self, bot_id: uuid.UUID, figures: BotFigures | None, trouble: str) -> None:
        """Store it in memory; this costs next to nothing and cannot fail."""
        stretches = self._stretches(bot_id) if figures else 1
        self._waiting[bot_id].append(Seen(timezone.now(), figures, trouble, stretches))
        now = (figures is not None, figures.launch if figures else 0)
        if figures and self._sequences.get(bot_id) != figures.sequence:
            self._sequences[bot_id], self._moved_on = figures.sequence, True
        if self._known.get(bot_id) != now:
            self._known[bot_id] = now
            self._changed[bot_id] = None
            self._urgent.set()

    def forget(self, bot_id: uuid.UUID) -> None:
        """The bot is no longer watched, perhaps only by this monitor: what was not written of it still will be."""
        self._known.pop(bot_id, None)
        self._seen.pop(bot_id, None)
        self._sequences.pop(bot_id, None)

    def _stretches(self, bot_id: uuid.UUID) -> int:
        """For how much time a sighting stands: since the one before it over the same connection."""
        now = monotonic()
        before = self._seen.get(bot_id, now) if self._known.get(bot_id, (False,))[0] else now
        self._seen[bot_id] = now
        return max(1, round((now - before) / FINEST))

    async def run(self) -> None:
        """Write until cancelled; what is waiting then is written first."""
        try:
            began = monotonic()
            while True:
                with suppress(TimeoutError):
                    async with asyncio.timeout(PAUSE):
                        await self._urgent.wait()
                if not (self._urgent.is_set() or self._moved_on or monotonic() >= began + self._pause):
                    continue
                self._urgent.clear()
                self._moved_on, began = False, monotonic()
                if not await self._write():
                    self._moved_on = True
                    await asyncio.sleep(AFTER_TROUBLE)
        finally:
            await self._write()

    @property
    def _pause(self) -> float:
        return min(LONGEST_PAUSE, len(self._known) / BOTS_A_SECOND)

    async def _write(self) -> bool:
        """Write what is waiting now, some bots at a time; bots that change meanwhile do not wait for the rest."""
        due = dict.fromkeys(self._waiting)
        while due:
            changed = bool(self._changed)
            part = list(islice(self._changed or due, AT_ONCE))
            for bot_id in part:
                due.pop(bot_id, None)
                self._changed.pop(bot_id, None)
            batch = {bot_id: self._waiting.pop(bot_id) for bot_id in part if bot_id in self._waiting}
            try:
                self.written += await sync_to_async(write)(batch)
            except Exception:
                log.exception("cannot write what was seen; trying again")
                self._put_back(batch)
                return False
            if changed:
                self._on_change()
        return True

    def _put_back(self, batch: dict[uuid.UUID, list[Seen]]) -> None:
        for bot_id, seen in batch.items():
            whole = [*seen, *self._waiting.get(bot_id, ())]
            self._waiting[bot_id] = whole[-MOST_WAITING:]
            self.lost += sum(s.figures is not None for s in whole[:-MOST_WAITING])
