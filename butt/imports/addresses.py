"""The addresses of peers that a pub from elsewhere brings along: those that a pub of either kind can use."""

from pathlib import Path
from typing import Any

from scuttlekit import InvalidFormat, canonical
from scuttlekit.files import write_whole
from scuttlekit.pub.gossip import KnownAddress

MOST = 10_000
"""How many are taken. A pub of ours keeps 1,000, ssb-gossip all."""


def sieve_addresses(path: Path) -> int:
    """Leave in the file what can be used; how many entries were left out. One that is no list at all counts as one.

    Of each entry only the address and how it went with it are kept: everything else a pub makes anew. Raises OSError.
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
