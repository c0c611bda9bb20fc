"""The messages of a pub: the log, an index beside it, and what is asked of both."""

from scuttlekit.pub.store.log import LogDamaged
from scuttlekit.pub.store.records import Stored
from scuttlekit.pub.store.store import Behind, Note, NotNext, NotReady, Store

__all__ = ["Behind", "LogDamaged", "NotNext", "NotReady", "Note", "Store", "Stored"]
