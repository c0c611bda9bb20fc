"""A way back for a bot on new code, whatever that code does to its disk.

While the code is on trial, a ballast file lies beside the bot's data. It is removed when the earlier code comes back, so that
code has room to start. Code on trial that leaves no room at all is ended, whether it fails or not. What the rejected code added
to the data folder and the earlier code did not have is removed too; the pub's own files never are. Only a number in the file
`sequence` that the log does not confirm is taken back.

Machines get this file as it is: it needs the standard library, and of `scuttlekit` only what they get as well. `data` is the bot's
data folder.
"""

import errno
import json
import os
import shutil
from pathlib import Path
from typing import Any

from scuttlekit.data_folder import ENTRIES, NOTE, named_id, newest_message, noted_sequence
from scuttlekit.files import whole_file, write_whole

BALLAST = 32 * 1024 * 1024
FULL = 4 * 1024 * 1024
"""A disk with less free space than this is full: there may be no room to write down that a bot goes back."""


def prepare(data: Path, release: str, *, on_trial: bool) -> None:
    """Call before each start: the trial of a release begins or goes on, or there is none any more. Raises OSError."""
    if on_trial:
        begin(data, release)
    else:
        end(data, release)


def begin(data: Path, release: str) -> None:
    """Call before a start on trial; does nothing if the trial has begun. Raises OSError."""
    _take_ballast(data)
    if is_on(data) and _read(data)["release"] == release:
        return
    note = {"release": release, "had": sorted(_entries(data)), "sequence": noted_sequence(data)}
    write_whole(_note(data), json.dumps(note), lasting=True)


def end(data: Path, release: str) -> None:
    """Call before a start on code that is not on trial. If that is not the code that was tried, the tried code's leftovers go."""
    _ballast(data).unlink(missing_ok=True)
    if not is_on(data):
        return
    trial = _read(data)
    if trial["release"] != release:
        for name in _entries(data) - set(trial["had"]) - ENTRIES:
            _remove(data / name)
        _take_back(data, trial.get("sequence", 0))
    _note(data).unlink()


def is_on(data: Path) -> bool:
    """Whether a trial has begun and not ended, even if its code was rejected and the earlier code has yet to start."""
    return _note(data).exists()


def is_kept(data: Path) -> bool:
    """Whether there is anything that `end` would remove."""
    return _ballast(data).exists() or is_on(data)


def make_room(data: Path) -> None:
    """What ended on trial may have filled the disk that also holds the service's own records."""
    _ballast(data).unlink(missing_ok=True)


def is_full(data: Path) -> bool:
    """Whether the disk ran full while the code was on trial; true until the next start, even if there is room again."""
    try:
        return _ballast(data).stat().st_size == 0 or shutil.disk_usage(_ballast(data)).free < FULL
    except FileNotFoundError:
        return False


def ballast_size(data: Path) -> int:
    """How many bytes the ballast takes; 0 without one."""
    try:
        return _ballast(data).stat().st_size
    except FileNotFoundError:
        return 0


def give_room(data: Path) -> None:
    """Call when the process that filled the disk has ended. The ballast is left empty as a mark: nothing else could be written."""
    os.truncate(_ballast(data), 0)


def _take_ballast(data: Path) -> None:
    if ballast_size(data) == BALLAST:
        return
    needed = BALLAST + 2 * FULL
    if shutil.disk_usage(data.parent).free < needed:
        raise OSError(errno.ENOSPC, f"there is no room for a way back ({needed >> 20} MiB)")
    with _ballast(data).open("ab") as file:
        os.posix_fallocate(file.fileno(), 0, BALLAST)


def _take_back(data: Path, before: int) -> None:
    """Take back a sequence that the rejected code noted and the log does not confirm: no earlier code would start on it."""
    ssb_id = named_id(data)
    known = max(before, newest_message(data, ssb_id)[0] if ssb_id else 0)
    if noted_sequence(data) > known:
        owner = data.stat()
        with whole_file(data / NOTE, lasting=True) as file:
            os.fchown(file.fileno(), owner.st_uid, owner.st_gid)
            file.write(f"{known:015d}\n".encode())


def _note(data: Path) -> Path:
    return data.parent / "trial.json"


def _ballast(data: Path) -> Path:
    return data.parent / "ballast"


def _read(data: Path) -> dict[str, Any]:
    note: dict[str, Any] = json.loads(_note(data).read_bytes())
    return note


def _entries(data: Path) -> set[str]:
    return {entry.name for entry in data.iterdir()} if data.is_dir() else set()


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
