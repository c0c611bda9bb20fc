"""The aliases that a pub from elsewhere brings along: those that their owners chose in this very room."""

from pathlib import Path

from scuttlekit import InvalidFormat
from scuttlekit.aliases import format_aliases, is_confirmed, parse_aliases
from scuttlekit.files import write_whole

MOST = 1000
"""How many are taken: as many as a pub of ours has at most."""


def filter_aliases(path: Path, room_id: str) -> None:
    """Leave in the file the aliases whose signature is their owner's for the room of this id. Raises OSError."""
    if not path.exists():
        return
    try:
        found = parse_aliases(path.read_bytes())[:MOST]
    except InvalidFormat:
        found = []
    write_whole(path, format_aliases(each for each in found if is_confirmed(room_id, each)))
