"""The messages of a pub: the log, its index, and queries on both."""

from scuttlekit.pub.store.disk import Note
from scuttlekit.pub.store.errors import Behind, NotNext, NotReady
from scuttlekit.pub.store.log import LogDamaged
from scuttlekit.pub.store.members import RELATIONS, SORTS, Member, Search
from scuttlekit.pub.store.records import Stored
from scuttlekit.pub.store.store import LOG, Store

__all__ = [
    "LOG",
    "RELATIONS",
    "SORTS",
    "Behind",
    "LogDamaged",
    "Member",
    "NotNext",
    "NotReady",
    "Note",
    "Search",
    "Store",
    "Stored",
]
