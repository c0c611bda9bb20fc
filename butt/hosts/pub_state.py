"""What a pub notes in its own folder: who it is, and how far its feed has come."""

import os
import re
from typing import Any

from butt.hosts.interface import Folder
from butt.hosts.opening import opened
from scuttlekit import KeyPair, ScuttlebuttError, canonical, offsetlog

NEAR = 4 * 1024 * 1024
"""How many bytes of a log's end are searched for the pub's own newest message."""

LOG = "flume/log.offset"

_NOTE = re.compile(rb"(\d{1,15})\n")


def id_in(folder: Folder) -> str | None:
    """None before it has made its key."""
    try:
        return KeyPair.load(folder.secret).id
    except (OSError, ScuttlebuttError):
        return None


def sequence_in(folder: Folder) -> int:
    """0 where nothing is noted. It is a program's word: `newest_in` shows whether it is so."""
    try:
        file = opened(folder, "sequence")
    except OSError:
        return 0
    if file is None:
        return 0
    with file:
        note = _NOTE.fullmatch(file.read(17))
    return int(note[1]) if note else 0


def newest_in(folder: Folder, ssb_id: str) -> Any:
    """The value of the newest message of the pub's own feed that its log ends with, unverified; None where none is near.

    A pub's last words may be there and nowhere else.
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
