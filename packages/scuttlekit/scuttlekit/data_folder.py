"""The files of a pub's data folder, which of them go along where the pub goes, and what they say about the pub.

Exports, moves, copies, backups, and code that clears a data folder, read these lists. Name each new file of
the pub here. Needs the standard library alone: machines get this file as it is.
"""

import os
import re
from pathlib import Path
from typing import Final

from scuttlekit.folders import opened
from scuttlekit.offsetlog import newest_of

SECRET: Final = "secret"  # noqa: S105 - the name of a file
LOG: Final = "flume/log.offset"
BLOBS: Final = "blobs/sha256"
GOSSIP: Final = "gossip.json"
ALIASES: Final = "aliases.json"
NOTE: Final = "sequence"
SIGN_INS: Final = "sign-ins.json"

STATE: Final = (GOSSIP, ALIASES)
"""Small files that nobody but the pub has: they go wherever the secret, the log and the blobs go."""

STATE_OF_SERVICE: Final = (SIGN_INS,)
"""Small files that say something to the service that looks after the pub: they go along as long as that stays the same."""

TOLD_AGAIN: Final = ("limits.json", "offers.json", "room.json", "traffic.json")
"""What the service that looks after the pub tells it, and tells again wherever the pub starts."""

MADE_AGAIN: Final = (
    *("blobs_push", "caught-up", "db", "ebt", "friends.json", "gossip.json~", "invites", "links"),
    *("manifest.json", "node_modules", "ooo", "socket"),
)
"""Files that the pub or an ssb-server can make again, and files that are true for this folder alone."""

MOVED: Final = (SECRET, *STATE, LOG, NOTE, *STATE_OF_SERVICE)
"""All files but blobs that a move takes along."""

BACKED_UP: Final = (SECRET, NOTE, *STATE, *STATE_OF_SERVICE, *TOLD_AGAIN)
"""All small files that a backup of a pub takes along that no service looks after."""

ENTRIES: Final = frozenset(name.partition("/")[0] for name in (*MOVED, BLOBS, *TOLD_AGAIN, *MADE_AGAIN))
"""What there may be in a data folder that is the pub's own, at the top of it."""

NEAR: Final = 4 * 1024 * 1024
"""How many bytes at the end of a log are searched for the pub's own newest message."""

_NUMBER = re.compile(rb"([0-9]{1,15})\n")
_ID = re.compile(rb'"id"\s*:\s*"(@[A-Za-z0-9+/]{43}=\.ed25519)"')
_MOST = 4096


def noted_sequence(data: Path | str) -> int:
    """Read how far the pub noted that its feed goes; 0 if it did not. Only its log shows whether that is true."""
    found = _NUMBER.fullmatch(_beginning(data, NOTE, 17))
    return int(found[1]) if found else 0


def named_id(data: Path | str) -> str | None:
    """Read the SSB id in the secret, unverified; None if there is none."""
    found = _ID.search(_beginning(data, SECRET, _MOST))
    return found[1].decode() if found else None


def newest_message(data: Path | str, ssb_id: str) -> tuple[int, bytes]:
    """Find the newest message of the pub's own feed near the end of its log, unverified.

    Returns its sequence and its record, or `(0, b"")`. The pub's last messages may exist here and nowhere else.
    """
    try:
        file = opened(data, LOG)
        if file is None:
            return 0, b""
        with file:
            return newest_of(file, os.fstat(file.fileno()).st_size, ssb_id, NEAR)
    except OSError:
        return 0, b""


def _beginning(data: Path | str, name: str, size: int) -> bytes:
    try:
        file = opened(data, name)
        if file is None:
            return b""
        with file:
            return file.read(size)
    except OSError:
        return b""
