"""How much disk one bot of this machine may use, whatever code it runs, and why it was stopped for its use.

A pub keeps to its limits by itself. Other code may not, so the host measures the bot's folder and stops a bot that uses more than
its limit and a margin. `disk.json` beside the bot's data holds that number. It is higher for a bot that already used more when the
limit was set: a lower limit does not stop a pub, which never removes messages. `stopped.json` says why a bot was stopped. It is made in
advance, blank, and overwritten in place: on a full disk there is no room for another file.
"""

import json
import os
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

from butt.figures import units
from butt.hosts import trial
from butt.hosts.disk_usage import taken_below
from butt.hosts.interface import Folder
from scuttlekit.files import write_whole

MARGIN = 64 * 1024 * 1024
"""In bytes, beside a quarter of the limit: logs, indexes, and what a pub writes before it counts again."""

_BLANK = b" " * 4096

LEAST_FREE, FREE_SHARE = 512 * 1024 * 1024, 0.05
"""How much of the machine's disk bots leave free: so many bytes, or this share of a smaller disk."""


@dataclass(frozen=True)
class DiskQuota:
    """`limit` is what the bot was given, and `most` is where it is stopped, both in bytes; 0 stands for no limit."""

    limit: int
    most: int


@dataclass(frozen=True)
class DiskStop:
    """Why a bot was stopped, for its owner. It may start when its folder has at most `most` bytes, and the disk has
    `free` bytes free.
    """

    why: str
    most: int
    free: int


def set_limit(folder: Folder, limit: int) -> None:
    """Take note of the limit that a bot was given, in bytes; 0 removes it."""
    if not _stopped(folder).exists():
        write_whole(_stopped(folder), _BLANK)
    before = quota_of(folder)
    if before.limit == limit:
        return
    most = 0
    if limit:
        used = size_of(folder)
        # Whoever changes a limit again and again must not gain a margin each time.
        kept = min(_with_margin(used), before.most) if before.most else _with_margin(used)
        most = max(_with_margin(limit), kept)
    write_whole(_note(folder), json.dumps(asdict(DiskQuota(limit, most))))


def quota_of(folder: Folder) -> DiskQuota:
    try:
        return DiskQuota(**json.loads(_note(folder).read_bytes()))
    except (OSError, ValueError, TypeError):
        return DiskQuota(0, 0)


def stop_for_limit(folder: Folder, size: int) -> None:
    """Note that the bot is stopped, as its folder has `size` bytes."""
    quota = quota_of(folder)
    why = (
        f"It used {units.size(size)} of disk and may use {units.size(quota.limit)}, so it was stopped. "
        "It starts again when it may use more, or when some of its files are removed."
    )
    _stop(folder, DiskStop(why, quota.most, 0))


def stop_for_room(folder: Folder, free: int, total: int) -> None:
    """Note that the bot is stopped, as it left only `free` of the disk's `total` bytes free."""
    needed = 2 * least_free(total)
    why = (
        f"It left only {units.size(free)} of its machine's disk free, so it was stopped. "
        f"It starts again when {units.size(needed)} are free."
    )
    _stop(folder, DiskStop(why, 0, needed))


def stopped(folder: Folder) -> DiskStop | None:
    """Why the bot was stopped, if it was; until it may start again and is told to."""
    try:
        return DiskStop(**json.loads(_stopped(folder).read_bytes()))
    except (FileNotFoundError, ValueError, TypeError):
        return None


def may_start(folder: Folder) -> bool:
    """Whether the bot was not stopped for its use of the disk, or may start again."""
    stop = stopped(folder)
    if stop is None:
        return True
    most = quota_of(folder).most
    if (stop.most and most and size_of(folder) > most) or shutil.disk_usage(folder.path).free < stop.free:
        return False
    _overwrite(folder, _BLANK)
    return True


def least_free(total: int) -> int:
    return min(LEAST_FREE, int(total * FREE_SHARE))


def size_of(folder: Folder) -> int:
    """How many bytes of the disk a bot's folder takes. The ballast of a trial does not count: it is ours."""
    return taken_below(folder.path) - trial.ballast_size(folder)


def _with_margin(size: int) -> int:
    return size + size // 4 + MARGIN


def _stop(folder: Folder, stop: DiskStop) -> None:
    _overwrite(folder, json.dumps(asdict(stop)).encode().ljust(len(_BLANK)))


def _overwrite(folder: Folder, content: bytes) -> None:
    with _stopped(folder).open("r+b") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _note(folder: Folder) -> Path:
    return folder.path / "disk.json"


def _stopped(folder: Folder) -> Path:
    return folder.path / "stopped.json"
