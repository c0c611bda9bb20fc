"""The reasons for which the pub ends by itself, and their exit codes."""

import errno
import traceback
from typing import Final

EXITS: Final = {
    "host-not-assignable": 64,
    "port-taken": 65,
    "folder-in-use": 66,
    "secret-damaged": 67,
    "log-behind": 68,
    "log-damaged": 69,
    "uncaught": 70,
    "folder-unusable": 71,
    "feed-forked": 72,
    "disk-full": 74,
    "bad-config": 78,
}

_FULL = {errno.ENOSPC, errno.EDQUOT}


class Refusal(Exception):
    """A reason to end that a person can act on; `event` is one of `EXITS`."""

    def __init__(self, event: str, message: str) -> None:
        super().__init__(message)
        self.event = event
        self.message = message
        self.code = EXITS[event]
        self.stack: str | None = None


def refusal_of(error: BaseException) -> Refusal:
    """Turn any error into a Refusal. An unexpected one becomes `uncaught`, with its stack."""
    known = known_refusal_of(error)
    if known is not None:
        return known
    refusal = Refusal("uncaught", f"Unexpected error: {error or type(error).__name__}")
    refusal.stack = "".join(traceback.format_exception(error))
    return refusal


def known_refusal_of(error: BaseException) -> Refusal | None:
    """Turn an error into a Refusal if it must end the pub wherever it occurs, else return None."""
    if isinstance(error, Refusal):
        return error
    from scuttlekit.pub.store import LogDamaged

    if isinstance(error, LogDamaged):
        return Refusal("log-damaged", str(error))
    if is_full(error):
        return Refusal("disk-full", "The disk is full. Make room, then start the pub again: nothing is lost.")
    return None


def is_full(error: BaseException) -> bool:
    """Whether an error means that the disk is full. SQLite says so only in its message."""
    return (isinstance(error, OSError) and error.errno in _FULL) or (
        type(error).__module__ == "sqlite3" and "disk is full" in str(error)
    )
