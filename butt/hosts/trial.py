"""A way back for a bot on new code, whatever that code does to its disk.

While the code is on trial, a ballast file lies beside the bot's data. It is removed when the earlier code comes back, so that
code has room to start. Code on trial that leaves no room at all is ended, whether it fails or not. What the rejected code added
to the data folder and the earlier code did not have is removed too; the pub's own files never are. Only a number in the file
`sequence` that the log does not confirm is taken back.
"""

import json
import os
import shutil
from pathlib import Path

from butt.hosts.interface import Folder, NoRoom
from butt.hosts.pub_state import id_in, newest_in, sequence_in
from scuttlekit.data_folder import ENTRIES
from scuttlekit.files import write_whole

BALLAST = 32 * 1024 * 1024
FULL = 4 * 1024 * 1024
"""A disk with less free space than this is full: there may be no room to write down that a bot goes back."""


def begin(folder: Folder, release: str) -> None:
    """Call before a start on trial; does nothing if the trial has begun. Raises `NoRoom`."""
    noted = _note(folder)
    _take_ballast(folder)
    if noted.exists() and json.loads(noted.read_bytes())["release"] == release:
        return
    note = {"release": release, "had": sorted(_entries(folder.data)), "sequence": sequence_in(folder)}
    write_whole(noted, json.dumps(note), lasting=True)


def end(folder: Folder, release: str) -> None:
    """Call before a start on code that is not on trial. If that is not the code that was tried, the tried code's leftovers go."""
    noted = _note(folder)
    _ballast(folder).unlink(missing_ok=True)
    if not noted.exists():
        return
    trial = json.loads(noted.read_bytes())
    if trial["release"] != release:
        for name in _entries(folder.data) - set(trial["had"]) - ENTRIES:
            _remove(folder.data / name)
        _take_back(folder, trial.get("sequence", 0))
    noted.unlink()


def is_on(folder: Folder) -> bool:
    """Whether a trial has begun and not ended, even if its code was rejected and the earlier code has yet to start."""
    return _note(folder).exists()


def make_room(folder: Folder) -> None:
    """What ended on trial may have filled the disk that also holds the service's own records."""
    _ballast(folder).unlink(missing_ok=True)


def is_full(folder: Folder) -> bool:
    """Whether the disk ran full while the code was on trial; true until the next start, even if there is room again."""
    ballast = _ballast(folder)
    try:
        return ballast.stat().st_size == 0 or shutil.disk_usage(ballast).free < FULL
    except FileNotFoundError:
        return False


def ballast_size(folder: Folder) -> int:
    """How many bytes the ballast takes; 0 without one."""
    try:
        return _ballast(folder).stat().st_size
    except FileNotFoundError:
        return 0


def give_room(folder: Folder) -> None:
    """Call when the process that filled the disk has ended. The ballast is left empty as a mark: nothing else could be written."""
    os.truncate(_ballast(folder), 0)


def _take_ballast(folder: Folder) -> None:
    ballast = _ballast(folder)
    if ballast.exists() and ballast.stat().st_size == BALLAST:
        return
    needed = BALLAST + 2 * FULL
    if shutil.disk_usage(folder.path).free < needed:
        raise NoRoom(f"there is no room for a way back ({needed >> 20} MiB)")
    try:
        with ballast.open("ab") as file:
            os.posix_fallocate(file.fileno(), 0, BALLAST)
    except OSError as error:
        raise NoRoom(
            f"there is no room for a way back ({BALLAST >> 20} MiB): {(error.strerror or '').lower()}"
        ) from error


def _take_back(folder: Folder, before: int) -> None:
    """Take back a sequence that the rejected code noted and the log does not confirm: no earlier code would start on it."""
    latest = newest_in(folder, id_in(folder) or "")
    said = latest.get("sequence") if isinstance(latest, dict) else None
    known = max(before, said if isinstance(said, int) else 0)
    if sequence_in(folder) > known:
        write_whole(folder.data / "sequence", f"{known:015d}\n", lasting=True)


def _note(folder: Folder) -> Path:
    return folder.path / "trial.json"


def _ballast(folder: Folder) -> Path:
    return folder.path / "ballast"


def _entries(path: Path) -> set[str]:
    return {entry.name for entry in path.iterdir()} if path.is_dir() else set()


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
