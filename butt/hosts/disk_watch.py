"""Measures the folders of the bots of this machine, and ends a bot that uses too much of the disk.

Looking at the free space is cheap, so that happens several times a second. The folders are measured when much of it went, and
every half minute in any case. There are two rules: a bot that uses more than its quota is ended, and if little of the disk is free,
the bot that grew most in the last minute is.
"""

import logging
import os
import shutil
import time
import uuid
from collections.abc import Callable
from pathlib import Path

from butt.figures import units
from butt.hosts import disk_quota, trial
from butt.hosts.interface import Folder
from butt.hosts.orphans import id_of
from butt.reasons import Reason
from butt.rounds import GoOn, rounds
from scuttlekit.folders import taken_below

log = logging.getLogger("butt.hosts")

TICK, EVERY, AFTER_TROUBLE = 0.25, 30.0, 3.0
PAUSE = 9
"""The folders of many bots take long to measure: at most a tenth of the time is spent on it while there is free space."""

LITTLE = 1024 * 1024
"""If little of the disk is free, folders are measured after so many more bytes of it are gone."""


class DiskWatch:
    """`bots` is the folder with all bots' folders, `end` ends a bot's processes at once, given its folder's name."""

    def __init__(self, bots: Path, end: Callable[[str], None]) -> None:
        self._bots, self._end = bots, end
        self._most_free = 0
        self._next = self._not_before = float("-inf")
        self._before: dict[uuid.UUID, int] = {}
        self._before_at: float | None = None

    def run(self, go_on: GoOn) -> None:
        rounds(self._round, go_on, log, AFTER_TROUBLE)

    def _round(self) -> float:
        self.look()
        return TICK

    def look(self) -> None:
        """Look at the free space, and at all bots if that is due."""
        now, space = time.monotonic(), shutil.disk_usage(self._bots)
        is_low = space.free < disk_quota.least_free(space.total)
        gone = self._most_free - space.free
        self._most_free = max(self._most_free, space.free)
        is_due = now >= self._next or gone >= (LITTLE if is_low else disk_quota.MUCH)
        if not is_due or (now < self._not_before and not is_low):
            return
        sizes = self._measure()
        if self._before_at is None:
            self._before, self._before_at = sizes, now
        for bot_id, size in sizes.items():
            self._hold_to_quota(bot_id, size)
        if is_low:
            self._make_room(sizes, space.free, space.total)
        if now - self._before_at >= EVERY:
            self._before, self._before_at = sizes, now
        self._most_free = space.free
        self._next = now + EVERY
        self._not_before = now + PAUSE * (time.monotonic() - now)

    def _measure(self) -> dict[uuid.UUID, int]:
        found = [bot_id for name in os.listdir(self._bots) if (bot_id := id_of(name))]  # noqa: PTH208 - of thousands
        return {bot_id: size_of(self._folder(bot_id)) for bot_id in found}

    def _hold_to_quota(self, bot_id: uuid.UUID, size: int) -> None:
        place = self._bots / str(bot_id)
        most = disk_quota.quota_of(place).most
        if disk_quota.stopped(place):
            # It was started between being ended and being marked.
            self._end(str(bot_id))
        elif most and size > most:
            log.warning("%s uses %d bytes of disk, more than %d: it is ended", bot_id, size, most)
            self._stop(bot_id, lambda: disk_quota.stop_for_limit(place, size))

    def _make_room(self, sizes: dict[uuid.UUID, int], free: int, total: int) -> None:
        """While code is on trial, `butt.hosts.trial` sees to it that the disk does not stay full."""
        grown = {
            bot_id: size - self._before.get(bot_id, 0)
            for bot_id, size in sizes.items()
            if not trial.is_on(self._folder(bot_id).data) and not disk_quota.stopped(self._bots / str(bot_id))
        }
        worst = disk_quota.who_filled_it(grown)
        if worst is None:
            return
        log.warning("%s grew by %d bytes, and %d are free: it is ended", worst, grown[worst], free)
        self._stop(worst, lambda: disk_quota.stop_for_room(self._bots / str(worst), free, total))

    def _stop(self, bot_id: uuid.UUID, mark: Callable[[], None]) -> None:
        """It ends first: it would fill the space that the service needs to write down what became of it."""
        self._end(str(bot_id))
        mark()

    def _folder(self, bot_id: uuid.UUID) -> Folder:
        return Folder(self._bots / str(bot_id))


def size_of(folder: Folder) -> int:
    """How many bytes of the disk a bot's folder takes. The ballast of a trial does not count: it is ours."""
    return taken_below(folder.path) - trial.ballast_size(folder.data)


def why_stopped(stop: disk_quota.DiskStop) -> Reason:
    if stop.limit:
        return Reason("disk-over-limit", used=units.size(stop.used), limit=units.size(stop.limit))
    return Reason("disk-nearly-full", left=units.size(stop.left), needed=units.size(stop.needed))
