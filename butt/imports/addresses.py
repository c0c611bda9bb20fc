"""The addresses of peers that an imported pub brings along: only those that either kind of pub can use."""

from pathlib import Path
from typing import Any

from scuttlekit import InvalidFormat, canonical
from scuttlekit.files import write_whole
from scuttlekit.pub.gossip import KnownAddress

MOST = 10_000
"""How many are taken. Our pubs keep 1,000, ssb-gossip keeps all."""


def filter_addresses(path: Path) -> int:
    """Leave only usable entries in the file; how many were removed. A file that is not a list counts as one.

    Only the address of each entry and its connection history are kept: a pub makes everything else anew. Raises OSError.
    """
    if not path.exists():
        return 0
    entries = _entries(path)
    known = [peer.as_written() for entry in entries or [] if (peer := _known(entry))][:MOST]
    write_whole(path, canonical.compact(known))
    return 1 if entries is None else len(entries) - len(known)


def _entries(path: Path) -> list[Any] | None:
    try:
        entries = canonical.parse(path.read_bytes())
    except InvalidFormat:
        return None
    return entries if isinstance(entries, list) else None


def _known(entry: Any) -> KnownAddress | None:
    try:
        found = KnownAddress.read(entry)
    except InvalidFormat:
        return None
    found.more.clear()
    return found
