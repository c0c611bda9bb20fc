"""Bots that use too much of this machine's disk; `butt_quota` has the rules.

Each run of the states looks at the free space, and measures the bots' data when much of it went, and every ten minutes. Beside a
bot's configuration lies `measured.json`: what it used last.
"""

import json
import os
import shutil
import time
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

import butt_quota

from scuttlekit.files import write_whole
from scuttlekit.folders import taken_below

EVERY = 600


def look(bots, places):
    """Stop those that used too much. `bots` are what is ordered, and `places` the folders of the data of those that run."""
    for here in _by_disk(places).values():
        disk = shutil.disk_usage(next(iter(here.values())))
        low = disk.free < butt_quota.least_free(disk.total)
        if low or any(_is_due(bot_id, bots[bot_id], disk.free) for bot_id in here):
            _measure({bot_id: (bots[bot_id], data) for bot_id, data in here.items()}, disk, low)


def why(bot_id, bot):
    """Why a bot was stopped and may not start, as a `DiskStop` in a dict; None if it may."""
    place = _place(bot_id)
    stop = butt_quota.stopped(place)
    if stop is None or (not bot["on_trial"] and __salt__["butt_engine.is_on_trial"](bot_id)):
        # Before it goes back to its earlier code, what the other code added is removed.
        return None
    data = __salt__["butt_engine.volume"](bot_id)
    if data is None:
        return None
    used = taken_below(data)
    _set_limit(place, bot, used)
    free = shutil.disk_usage(data).free
    return None if butt_quota.may_start(place, lambda: used, free) else asdict(stop)


def forget(bot_id):
    """It starts again."""
    butt_quota.forget_stop(_place(bot_id))


def _measure(bots, disk, low):
    grown, seen = {}, {}
    for bot_id, (bot, data) in bots.items():
        place, before, used = _place(bot_id), _measured(bot_id), taken_below(data)
        _set_limit(place, bot, used)
        most = butt_quota.quota_of(place).most
        if most and used > most:
            butt_quota.stop_for_limit(place, used)
        elif "used" in before and not __salt__["butt_engine.is_on_trial"](bot_id):
            # While code is on trial, `butt_trial` sees to it that the disk does not stay full.
            grown[bot_id] = used - before["used"]
        seen[bot_id] = {"used": used, "free": disk.free, "at": time.time()}
    if low and (worst := butt_quota.who_filled_it(grown)):
        butt_quota.stop_for_room(_place(worst), disk.free, disk.total)
    for bot_id, measured in seen.items():
        write_whole(_place(bot_id) / "measured.json", json.dumps(measured))


def _set_limit(place, bot, used):
    # On a full disk the earlier limit holds until there is room to write another one down.
    with suppress(OSError):
        butt_quota.set_limit(place, bot.get("disk") or 0, lambda: used)


def _by_disk(places):
    found = {}
    for bot_id, data in places.items():
        found.setdefault(os.stat(data).st_dev, {})[bot_id] = data
    return found


def _is_due(bot_id, bot, free):
    before = _measured(bot_id)
    if "at" not in before or butt_quota.quota_of(_place(bot_id)).limit != (bot.get("disk") or 0):
        return True
    return before["free"] - free >= butt_quota.MUCH or not 0 <= time.time() - before["at"] < EVERY


def _place(bot_id):
    return Path(__salt__["butt_engine.settings"]()["home"], "bots", bot_id)


def _measured(bot_id):
    try:
        return json.loads((_place(bot_id) / "measured.json").read_bytes())
    except (OSError, ValueError):
        return {}
