"""What a pub notes in its own folder: who it is, and how far its feed goes."""

import os
import re
from typing import Any

from butt.hosts.interface import Folder
from butt.hosts.opening import opened
from scuttlekit import KeyPair, ScuttlebuttError, canonical, offsetlog
from scuttlekit.data_folder import LOG, NOTE

NEAR = 4 * 1024 * 1024
"""How many bytes at the end of a log are searched for the pub's own newest message."""

_NOTE = re.compile(rb"(\d{1,15})\n")


def id_in(folder: Folder) -> str | None:
    """None until the pub has made its key."""
    try:
        return KeyPair.load(folder.secret).id
    except (OSError, ScuttlebuttError):
        return None


def sequence_in(folder: Folder) -> int:
    """0 if nothing is noted. This is only the program's claim: `newest_in` shows whether it is true."""
    try:
        file = opened(folder, NOTE)
    except OSError:
        return 0
    if file is None:
        return 0
    with file:
        note = _NOTE.fullmatch(file.read(17))
    return int(note[1]) if note else 0


def newest_in(folder: Folder, ssb_id: str) -> Any:
    """The value of the newest message of the pub's own feed near the end of its log, unverified; None if none is near.

    The pub's last messages may exist here and nowhere else.
    """
    try:
        file = opened(folder, LOG)
        if file is None:
            return None
        with file:
            record = offsetlog.newest_of(file, os.fstat(file.fileno()).st_size, ssb_id, NEAR)
        return None if record is None else canonical.parse(record)["value"]
    except (OSError, ScuttlebuttError, KeyError, TypeError):
        return None
