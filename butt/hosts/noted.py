"""What a pub notes in its own folder: who it is, and how far its feed has come."""

import re

from butt.hosts.interface import Folder
from butt.hosts.opening import opened
from scuttlekit import KeyPair, ScuttlebuttError

_NOTE = re.compile(rb"(\d{1,15})\n")


def id_in(folder: Folder) -> str | None:
    """None before it has made its key."""
    try:
        return KeyPair.load(folder.secret).id
    except (OSError, ScuttlebuttError):
        return None


def sequence_in(folder: Folder) -> int:
    """0 where nothing is noted. Its last words may be there and nowhere else, so whoever sees it ended remembers them."""
    try:
        file = opened(folder, "sequence")
    except OSError:
        return 0
    if file is None:
        return 0
    with file:
        note = _NOTE.fullmatch(file.read(17))
    return int(note[1]) if note else 0
