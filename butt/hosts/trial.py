"""A way back for a bot on new code, whatever that does to its disk.

While the code is on trial, a file of some size lies beside the bot's data: it goes when the earlier code comes back, which
so finds room to start. What the refused code added to the data folder and the earlier code did not have goes too; the
pub's own files never do.
"""

import json
import os
import shutil
from pathlib import Path

from butt.hosts.interface import Folder, NoRoom

BALLAST = 32 * 1024 * 1024
OF_A_PUB = frozenset(
    "blobs blobs_push db ebt flume friends.json gossip.json gossip.json~ invites links manifest.json node_modules ooo secret "
    "sequence socket".split()
)
"""What a pub keeps in its data folder."""


def begin(folder: Folder, release: str) -> None:
    """Before a start on trial; nothing to do where it has begun. Raises `NoRoom`."""
    noted = _note(folder)
    if noted.exists():
        return
    try:
        with _ballast(folder).open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, BALLAST)
    except OSError as error:
        _ballast(folder).unlink(missing_ok=True)
        raise NoRoom(
            f"there is no room for a way back ({BALLAST >> 20} MiB): {(error.strerror or '').lower()}"
        ) from error
    draft = noted.with_name(f"{noted.name}.draft")
    draft.write_text(json.dumps({"release": release, "had": sorted(_entries(folder.data))}))
    draft.replace(noted)


def end(folder: Folder, release: str) -> None:
    """Before a start on code that is not on trial. Where that is other code than was tried, its leavings go."""
    noted = _note(folder)
    if not noted.exists():
        return
    trial = json.loads(noted.read_bytes())
    _ballast(folder).unlink(missing_ok=True)
    if trial["release"] != release:
        for name in _entries(folder.data) - set(trial["had"]) - OF_A_PUB:
            _remove(folder.data / name)
    noted.unlink()


def make_room(folder: Folder) -> None:
    """What ended on trial may have filled the disk that the service's own records lie on too."""
    _ballast(folder).unlink(missing_ok=True)


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
