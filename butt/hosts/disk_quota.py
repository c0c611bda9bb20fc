"""How much disk one bot may use, whatever code it runs, and why it was stopped for its use.

A pub keeps to its limits by itself. Other code may not, so the host measures the bot's files and stops a bot that uses more than
its limit and a margin. `disk.json` beside the bot's configuration holds that number. It is higher for a bot that already used
more when the limit was set: a lower limit does not stop a pub, which never removes messages. `stopped.json` says why a bot was
stopped. It is made in advance, blank, and overwritten in place: on a full disk there is no room for another file.

Machines get this file as it is: it needs the standard library, and of `scuttlekit` only what they get as well. `place` is the
folder with the bot's configuration. All sizes are in bytes.
"""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

from scuttlekit.files import write_whole

MARGIN = 64 * 1024 * 1024
"""Beside a quarter of the limit: logs, indexes, and what a pub writes before it counts again."""

_BLANK = b" " * 4096

LEAST_FREE, FREE_SHARE = 512 * 1024 * 1024, 0.05
"""How much of a disk bots leave free: so many bytes, or this share of a smaller disk."""

MUCH = 64 * 1024 * 1024
"""After so many bytes of the free space are gone, files are measured."""

LEAST_GROWN = 4 * 1024 * 1024
"""Whoever grew by less than this did not fill the disk."""

Name = TypeVar("Name")


@dataclass(frozen=True)
class DiskQuota:
    """`limit` is what the bot was given, and `most` is where it is stopped; 0 stands for no limit."""

    limit: int
    most: int


@dataclass(frozen=True)
class DiskStop:
    """Why a bot was stopped: it used `used` and may use `limit`. If `limit` is 0, it left only `left` of its disk free.

    It may start when its files take at most `most`, and `needed` of the disk is free.
    """

    used: int = 0
    limit: int = 0
    left: int = 0
    most: int = 0
    needed: int = 0


def set_limit(place: Path, limit: int, used: Callable[[], int]) -> None:
    """Take note of the limit that a bot was given; 0 removes it."""
    if not _stopped(place).exists():
        write_whole(_stopped(place), _BLANK)
    before = quota_of(place)
    if before.limit == limit:
        return
    most = 0
    if limit:
        # Whoever changes a limit again and again must not gain a margin each time.
        kept = min(_with_margin(used()), before.most) if before.most else _with_margin(used())
        most = max(_with_margin(limit), kept)
    write_whole(_note(place), json.dumps(asdict(DiskQuota(limit, most))))


def noted_limit(place: Path) -> int | None:
    """The limit that was taken note of; None if `set_limit` was never called."""
    return quota_of(place).limit if _stopped(place).exists() else None


def quota_of(place: Path) -> DiskQuota:
    try:
        note = json.loads(_note(place).read_bytes())
        return DiskQuota(note["limit"], note["most"])
    except (OSError, ValueError, TypeError, KeyError):
        return DiskQuota(0, 0)


def stop_for_limit(place: Path, used: int) -> None:
    """Note that the bot is stopped, as its files take `used`."""
    quota = quota_of(place)
    _stop(place, DiskStop(used=used, limit=quota.limit, most=quota.most))


def stop_for_room(place: Path, free: int, total: int) -> None:
    """Note that the bot is stopped, as it left only `free` of the disk's `total` bytes free."""
    _stop(place, DiskStop(left=free, needed=2 * least_free(total)))


def stopped(place: Path) -> DiskStop | None:
    """Why the bot was stopped, if it was; until it may start again and is told to."""
    try:
        return DiskStop(**json.loads(_stopped(place).read_bytes()))
    except (FileNotFoundError, ValueError, TypeError):
        return None


def may_start(place: Path, used: Callable[[], int], free: int) -> bool:
    """Whether the bot was not stopped for its use of the disk, or may start again; then call `forget_stop`."""
    stop = stopped(place)
    if stop is None:
        return True
    most = quota_of(place).most
    return free >= stop.needed and not (stop.most and most and used() > most)


def forget_stop(place: Path) -> None:
    """The bot starts again."""
    if _stopped(place).exists():
        _overwrite(place, _BLANK)


def least_free(total: int) -> int:
    return min(LEAST_FREE, int(total * FREE_SHARE))


def who_filled_it(grown: Mapping[Name, int]) -> Name | None:
    """Whom to stop when little of a disk is free: the bot that grew most, unless it did not grow much."""
    worst = max(grown, key=grown.__getitem__, default=None)
    return None if worst is None or grown[worst] < LEAST_GROWN else worst


def _with_margin(size: int) -> int:
    return size + size // 4 + MARGIN


def _stop(place: Path, stop: DiskStop) -> None:
    _overwrite(place, json.dumps(asdict(stop)).encode().ljust(len(_BLANK)))


def _overwrite(place: Path, content: bytes) -> None:
    with _stopped(place).open("r+b") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _note(place: Path) -> Path:
    return place / "disk.json"


def _stopped(place: Path) -> Path:
    return place / "stopped.json"
