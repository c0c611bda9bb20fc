"""What a pub notes in its own folder: who it is, and how far its feed goes."""

from typing import Any

from butt.hosts.interface import Folder
from scuttlekit import KeyPair, ScuttlebuttError, canonical
from scuttlekit.data_folder import SECRET, newest_message, noted_sequence
from scuttlekit.folders import opened

_MOST = 4096


def id_in(folder: Folder) -> str | None:
    """None until the pub has made its key."""
    try:
        file = opened(folder.data, SECRET)
        if file is None:
            return None
        with file:
            return KeyPair.parse(file.read(_MOST).decode(errors="replace")).id
    except (OSError, ScuttlebuttError):
        return None


def sequence_in(folder: Folder) -> int:
    """0 if nothing is noted. This is only the program's claim: `newest_in` shows whether it is true."""
    return noted_sequence(folder.data)


def newest_in(folder: Folder, ssb_id: str) -> Any:
    """The value of the newest message of the pub's own feed near the end of its log, unverified; None if none is near."""
    _, record = newest_message(folder.data, ssb_id)
    try:
        return canonical.parse(record)["value"] if record else None
    except (ScuttlebuttError, KeyError, TypeError):
        return None
