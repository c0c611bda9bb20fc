"""Bots that use too much of this machine's disk; by the same rules as `butt/hosts/disk_quota.py` and `disk_watch.py` have for processes.

Each run of the states looks at the free space, and measures the bots' data when much of it went, and every ten minutes. Beside a
bot's configuration lie `disk.json`, its limit and what it used last, and `stopped.json`, why it was stopped. That file is made in
advance, blank, and overwritten in place: on a full disk there is no room for another.
"""

import json
import os
import shutil
import time

MARGIN = 64 * 1024 * 1024
BLOCK, UNIT = 4096, 512
LEAST_FREE, FREE_SHARE = 512 * 1024 * 1024, 0.05
MUCH = 64 * 1024 * 1024
EVERY = 600
LEAST_GROWN = 4 * 1024 * 1024
BLANK = " " * 4096


def look(bots, places):
    """Mark those that used too much. `bots` are what is ordered, and `places` the folders of the data of those that run."""
    seen = {}
    for here in _by_disk(places).values():
        disk = shutil.disk_usage(next(iter(here.values())))
        low = disk.free < _least_free(disk.total)
        if not low and not any(_is_due(bot_id, bots[bot_id], disk.free) for bot_id in here):
            continue
        grown = {}
        for bot_id, data in here.items():
            before, used = _read(_note(bot_id)), _below(data)
            quota = _quota(before, bots[bot_id].get("disk") or 0, used)
            if quota["most"] and used > quota["most"]:
                _mark(bot_id, _over(used, quota["limit"]), quota["most"], 0)
            elif "used" in before:
                grown[bot_id] = used - before["used"]
            seen[bot_id] = {**quota, "used": used, "free": disk.free, "at": time.time()}
        if low:
            _make_room(grown, disk)
    for bot_id, note in seen.items():
        _write(_note(bot_id), json.dumps(note))
        if not os.path.exists(_mark_of(bot_id)):
            _write(_mark_of(bot_id), BLANK)


def why(bot_id, bot):
    """Why a bot was stopped and may not start, in words; empty if it may."""
    mark = _read(_mark_of(bot_id))
    if not mark or (not bot["on_trial"] and __salt__["butt_trial.is_on"](bot_id)):
        # Before it goes back to its earlier code, what the other code added is removed.
        return ""
    data = __salt__["butt_engine.volume"](bot_id)
    if data is None:
        return ""
    used = _below(data)
    most = _quota(_read(_note(bot_id)), bot.get("disk") or 0, used)["most"]
    if (mark["most"] and most and used > most) or shutil.disk_usage(data).free < mark["free"]:
        return mark["why"]
    return ""


def forget(bot_id):
    """It starts again."""
    if os.path.exists(_mark_of(bot_id)):
        _overwrite(bot_id, BLANK)


def _by_disk(places):
    found = {}
    for bot_id, data in places.items():
        found.setdefault(os.stat(data).st_dev, {})[bot_id] = data
    return found


def _is_due(bot_id, bot, free):
    before = _read(_note(bot_id))
    if before.get("limit") != (bot.get("disk") or 0) or "at" not in before:
        return True
    return before["free"] - free >= MUCH or not 0 <= time.time() - before["at"] < EVERY


def _quota(before, limit, used):
    """Whoever used more when the limit was set may go on with that; who changes it again and again gains nothing."""
    if before.get("limit") == limit:
        return {"limit": limit, "most": before["most"]}
    if not limit:
        return {"limit": 0, "most": 0}
    kept = min(_with_margin(used), before["most"]) if before.get("most") else _with_margin(used)
    return {"limit": limit, "most": max(_with_margin(limit), kept)}


def _make_room(grown, disk):
    """Not while code is on trial: `butt_trial` sees to it that the disk does not stay full."""
    grown = {bot_id: size for bot_id, size in grown.items() if not __salt__["butt_trial.is_on"](bot_id)}
    worst = max(grown, key=grown.get, default=None)
    if worst is None or grown[worst] < LEAST_GROWN:
        return
    needed = 2 * _least_free(disk.total)
    words = (
        f"It left only {disk.free >> 20} MiB of its machine's disk free, so it was stopped. "
        f"It starts again when {needed >> 20} MiB are free."
    )
    _mark(worst, words, 0, needed)


def _over(used, limit):
    return (
        f"It used {used >> 20} MiB of disk and may use {limit >> 20} MiB, so it was stopped. "
        "It starts again when it may use more, or when some of its files are removed."
    )


def _mark(bot_id, words, most, free):
    _overwrite(bot_id, json.dumps({"why": words, "most": most, "free": free}).ljust(len(BLANK)))


def _least_free(total):
    return min(LEAST_FREE, int(total * FREE_SHARE))


def _with_margin(size):
    return size + size // 4 + MARGIN


def _below(folder):
    total = 0
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                there = entry.stat(follow_symlinks=False)
                total += min(-(-there.st_size // BLOCK) * BLOCK, there.st_blocks * UNIT)
                if entry.is_dir(follow_symlinks=False):
                    total += _below(entry.path)
    except OSError:
        return total
    return total


def _note(bot_id):
    return os.path.join(__salt__["butt_engine.settings"]()["home"], "bots", bot_id, "disk.json")


def _mark_of(bot_id):
    return os.path.join(os.path.dirname(_note(bot_id)), "stopped.json")


def _read(path):
    try:
        with open(path) as file:
            return json.load(file)
    except (OSError, ValueError):
        return {}


def _write(path, text):
    with open(f"{path}.draft", "w") as file:
        file.write(text)
    os.replace(f"{path}.draft", path)


def _overwrite(bot_id, text):
    with open(_mark_of(bot_id), "r+") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
