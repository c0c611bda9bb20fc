"""A way back for a bot on new code, whatever that does to its disk.

While the code is on trial, a file of some size lies beside the bot's data: it goes when the earlier code comes back, which
so finds room to start. Code on trial that leaves no room at all is ended, whether it fails or not. What the refused code
added to the data folder and the earlier code did not have goes too; the pub's own files never do. Only a number in the file
`sequence` that the log does not show is taken back.
"""

import json
import os
import shutil
from pathlib import Path

from butt.hosts.interface import Folder, NoRoom
from butt.hosts.pub_state import id_in, newest_in, sequence_in
from scuttlekit.files import write_whole

BALLAST = 32 * 1024 * 1024
FULL = 4 * 1024 * 1024
"""A disk with less free than this is full: whoever wants to write down that a bot goes back may not be able to."""

OF_A_PUB = frozenset(
    "blobs blobs_push caught-up db ebt flume friends.json gossip.json gossip.json~ invites links manifest.json node_modules "
    "limits.json offers.json ooo secret sequence socket".split()
)
"""What a pub of either kind, or a plain ssb-server, keeps in its data folder."""


def begin(folder: Folder, release: str) -> None:
    """Before a start on trial; nothing to do where it has begun. Raises `NoRoom`."""
    noted = _note(folder)
    _take_ballast(folder)
    if noted.exists() and json.loads(noted.read_bytes())["release"] == release:
        return
    note = {"release": release, "had": sorted(_entries(folder.data)), "sequence": sequence_in(folder)}
    write_whole(noted, json.dumps(note), lasting=True)


def end(folder: Folder, release: str) -> None:
    """Before a start on code that is not on trial. Where that is other code than was tried, its leavings go."""
    noted = _note(folder)
    _ballast(folder).unlink(missing_ok=True)
    if not noted.exists():
        return
    trial = json.loads(noted.read_bytes())
    if trial["release"] != release:
        for name in _entries(folder.data) - set(trial["had"]) - OF_A_PUB:
            _remove(folder.data / name)
        _take_back(folder, trial.get("sequence", 0))
    noted.unlink()


def is_on(folder: Folder) -> bool:
    """Whether a trial has begun and not ended, also when its code was refused and the earlier one has yet to start."""
    return _note(folder).exists()


def make_room(folder: Folder) -> None:
    """What ended on trial may have filled the disk that the service's own records lie on too."""
    _ballast(folder).unlink(missing_ok=True)


def is_full(folder: Folder) -> bool:
    """Whether the disk ran full while the code is on trial; true until the next start, also when there is room again."""
    ballast = _ballast(folder)
    try:
        return ballast.stat().st_size == 0 or shutil.disk_usage(ballast).free < FULL
    except FileNotFoundError:
        return False


def give_room(folder: Folder) -> None:
    """What filled the disk has ended. An empty ballast stays behind and says so, as nothing else could be written."""
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
    """Take back a sequence that the refused code noted and that the log does not show: no earlier code would start on it."""
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
