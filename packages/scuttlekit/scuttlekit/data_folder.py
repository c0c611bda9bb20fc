"""The files of a pub's data folder, and which of them go along where the pub goes.

Exports, moves, copies, backups, and code that clears a data folder, read these lists. Name each new file of
the pub here.
"""

from typing import Final

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
