"""Locking the data folder for this process."""

import fcntl
import os
from pathlib import Path

from scuttlekit.pub.exits import Refusal, is_full

ROOM = 1 << 20
"""Bytes that must be free at startup."""


def claim(folder: Path) -> int:
    """Lock the data folder, and return the open file that holds the lock until this process ends.

    The lock is that of the LevelDB store in which ssb-server keeps its invites, so a plain ssb-server and the
    pub keep each other out. The lock belongs to the process: opening and closing the file a second time would
    release it. Raises Refusal.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
            raise PermissionError("no right to read and write it")
        invites = folder / "invites"
        space = os.statvfs(folder)
        if space.f_bavail * space.f_frsize < ROOM:
            raise _full(folder)
        invites.mkdir(mode=0o700, exist_ok=True)
        lock = os.open(invites / "LOCK", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        if is_full(error):
            raise _full(folder) from None
        why = error.strerror or str(error)
        raise Refusal("folder-unusable", f"The data folder {folder} cannot be used: {why}") from None
    try:
        fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        raise Refusal(
            "folder-in-use", f"Another pub runs in {folder}: stop it first. One identity never runs twice."
        ) from None
    return lock


def _full(folder: Path) -> Refusal:
    return Refusal("disk-full", f"The disk of {folder} is full. Make room, then start the pub again.")
