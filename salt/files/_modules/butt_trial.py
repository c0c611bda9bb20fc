"""A way back for a bot on new code, whatever that code does to its disk; the same as `butt/hosts/trial.py` does for processes.

Beside the bot's data, on the same disk: `ballast`, which is removed to make room, and `trial.json`, which says what there was.
"""

import json
import os
import re
import shutil
import stat
import struct

BALLAST = 32 * 1024 * 1024
FULL = 4 * 1024 * 1024
OF_A_PUB = frozenset(
    "aliases.json blobs blobs_push caught-up db ebt flume friends.json gossip.json gossip.json~ invites limits.json links "
    "manifest.json node_modules offers.json ooo room.json secret sequence sign-ins.json socket traffic.json".split()
)
"""What either kind of pub, or a plain ssb-server, keeps in its data folder."""

NEAR = 4 * 1024 * 1024
"""How many bytes at the end of a log are searched for the bot's own newest message."""

LONGEST_MESSAGE = 26 * 1024
_ENDS = struct.Struct(">II")
_NOTE = re.compile(rb"(\d{1,15})\n")
_HEAD = re.compile(
    rb'\{"key":"%[^"]{1,99}","value":\{"previous":(?:null|"%[^"]{1,99}"),'
    rb'(?:"sequence":(\d{1,15}),"author":"([^"]{1,99})"|"author":"([^"]{1,99})","sequence":(\d{1,15})),'
)


def begin(bot_id, release):
    """Call before a start on trial; does nothing if the trial has begun."""
    _take_ballast(bot_id)
    note = _beside(bot_id, "trial.json")
    if os.path.exists(note) and _read(note)["release"] == release:
        return
    with open(f"{note}.draft", "w") as file:
        json.dump(
            {"release": release, "had": sorted(_entries(bot_id)), "sequence": noted(_data(bot_id))}, file
        )
    os.replace(f"{note}.draft", note)


def end(bot_id, release):
    """Call before a start on code that is not on trial. If that is not the code that was tried, the tried code's leftovers go."""
    note = _beside(bot_id, "trial.json")
    _unlink(_beside(bot_id, "ballast"))
    if not os.path.exists(note):
        return
    trial = _read(note)
    if trial["release"] != release:
        for name in _entries(bot_id) - set(trial["had"]) - OF_A_PUB:
            _remove(os.path.join(_data(bot_id), name))
        _take_back(bot_id, trial.get("sequence", 0))
    _unlink(note)


def noted(data):
    """How far the bot noted that its feed goes; 0 if it did not."""
    content = _opened(data, "sequence", lambda file: file.read(17))
    note = _NOTE.fullmatch(content or b"")
    return int(note[1]) if note else 0


def newest(data, ssb_id):
    """`(sequence, record)` of the bot's own newest message near the end of its log, unverified; `(0, b"")` if there is none."""
    end = _opened(data, "flume/log.offset", lambda file: _last(file, NEAR)) or b""
    # The last record may be unfinished. Records are found by their own headers and frames, so it is skipped.
    for head in reversed(list(_HEAD.finditer(end))):
        begin = head.start()
        if (head[2] or head[3]).decode(errors="replace") != ssb_id or begin < 4:
            continue
        (length,) = struct.unpack_from(">I", end, begin - 4)
        is_whole = length <= LONGEST_MESSAGE and begin + length + 8 <= len(end)
        if is_whole and _ENDS.unpack_from(end, begin + length)[0] == length:
            return int(head[1] or head[4]), end[begin : begin + length]
    return 0, b""


def _last(file, size):
    file.seek(max(0, os.fstat(file.fileno()).st_size - size))
    return file.read(size)


def _opened(data, name, read):
    """What `read` returns for a file of the bot's; None if there is none. A link in the path could lead anywhere."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
    *folders, last = name.split("/")
    place = None
    try:
        place = os.open(data, flags | os.O_DIRECTORY)
        for step in folders:
            below = os.open(step, flags | os.O_DIRECTORY, dir_fd=place)
            os.close(place)
            place = below
        with os.fdopen(os.open(last, flags, dir_fd=place), "rb") as file:
            return read(file) if stat.S_ISREG(os.fstat(file.fileno()).st_mode) else None
    except OSError:
        return None
    finally:
        if place is not None:
            os.close(place)


def _take_back(bot_id, before):
    """Take back a sequence that the rejected code noted and the log does not confirm: no earlier code would start on it."""
    data = _data(bot_id)
    secret = _opened(data, "secret", lambda file: file.read(4096).decode(errors="replace")) or ""
    found = re.search(r'"id"\s*:\s*"(@[A-Za-z0-9+/]{43}=\.ed25519)"', secret)
    known = max(before, newest(data, found[1])[0] if found else 0)
    if noted(data) > known:
        note = os.path.join(data, "sequence")
        owner = os.stat(data)
        _unlink(f"{note}.draft")
        with open(f"{note}.draft", "x") as file:
            file.write(f"{known:015d}\n")
            file.flush()
            os.fchown(file.fileno(), owner.st_uid, owner.st_gid)
            os.fchmod(file.fileno(), 0o600)
            os.fsync(file.fileno())
        os.replace(f"{note}.draft", note)


def is_on(bot_id):
    """Whether a trial has begun and not ended."""
    data = __salt__["butt_engine.volume"](bot_id)
    return bool(data) and os.path.exists(os.path.join(os.path.dirname(data), "trial.json"))


def is_full(bot_id):
    """Whether the disk ran full while the code was on trial; true until the next start, even if there is room again."""
    try:
        size = os.stat(_beside(bot_id, "ballast")).st_size
        return size == 0 or shutil.disk_usage(_data(bot_id)).free < FULL
    except FileNotFoundError:
        return False


def give_room(bot_id):
    """Call when the process that filled the disk has ended. The ballast is left empty as a mark: nothing else could be written."""
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
