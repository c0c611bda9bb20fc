"""A way back for a bot on new code, whatever that does to its disk; the same as `butt/hosts/trial.py` does for processes.

Beside the bot's data, on the same disk: `ballast`, which goes to make room, and `trial.json`, which says what there was.
"""

import json
import os
import shutil

BALLAST = 32 * 1024 * 1024
FULL = 4 * 1024 * 1024
OF_A_PUB = frozenset(
    "blobs blobs_push caught-up db ebt flume friends.json gossip.json gossip.json~ invites links manifest.json node_modules "
    "offers.json ooo secret sequence socket".split()
)
"""What a pub of either kind, or a plain ssb-server, keeps in its data folder."""


def begin(bot_id, release):
    """Before a start on trial; nothing to do where it has begun."""
    _take_ballast(bot_id)
    note = _beside(bot_id, "trial.json")
    if os.path.exists(note) and _read(note)["release"] == release:
        return
    with open(f"{note}.draft", "w") as file:
        json.dump({"release": release, "had": sorted(_entries(bot_id))}, file)
    os.replace(f"{note}.draft", note)


def end(bot_id, release):
    """Before a start on code that is not on trial. Where that is other code than was tried, its leavings go."""
    note = _beside(bot_id, "trial.json")
    _unlink(_beside(bot_id, "ballast"))
    if not os.path.exists(note):
        return
    trial = _read(note)
    if trial["release"] != release:
        for name in _entries(bot_id) - set(trial["had"]) - OF_A_PUB:
            _remove(os.path.join(_data(bot_id), name))
    _unlink(note)


def is_on(bot_id):
    """Whether a trial has begun and not ended."""
    data = __salt__["butt_engine.volume"](bot_id)
    return bool(data) and os.path.exists(os.path.join(os.path.dirname(data), "trial.json"))


def is_full(bot_id):
    """Whether the disk ran full while the code is on trial; true until the next start, also when there is room again."""
    try:
        size = os.stat(_beside(bot_id, "ballast")).st_size
        return size == 0 or shutil.disk_usage(_data(bot_id)).free < FULL
    except FileNotFoundError:
        return False


def give_room(bot_id):
    """What filled the disk has ended. An empty ballast stays behind and says so, as nothing else could be written."""
    os.truncate(_beside(bot_id, "ballast"), 0)


def _take_ballast(bot_id):
    ballast = _beside(bot_id, "ballast")
    if os.path.exists(ballast) and os.stat(ballast).st_size == BALLAST:
        return
    needed = BALLAST + 2 * FULL
    if shutil.disk_usage(_data(bot_id)).free < needed:
        raise RuntimeError(f"there is no room for a way back ({needed >> 20} MiB)")
    with open(ballast, "ab") as file:
        os.posix_fallocate(file.fileno(), 0, BALLAST)


def _data(bot_id):
    data = __salt__["butt_engine.volume"](bot_id)
    if data is None:
        raise FileNotFoundError(bot_id)
    return data


def _beside(bot_id, name):
    return os.path.join(os.path.dirname(_data(bot_id)), name)


def _entries(bot_id):
    return set(os.listdir(_data(bot_id)))


def _read(path):
    with open(path) as file:
        return json.load(file)


def _unlink(path):
    if os.path.exists(path):
        os.unlink(path)


def _remove(path):
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path, ignore_errors=True)
    else:
        _unlink(path)
