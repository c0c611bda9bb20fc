"""Opening the index that belongs to a log."""

import logging
from pathlib import Path

from scuttlekit.errors import InvalidFormat
from scuttlekit.offsetlog import is_deleted
from scuttlekit.pub.store.database import IndexLost
from scuttlekit.pub.store.index import Index
from scuttlekit.pub.store.log import Log, Misplaced
from scuttlekit.pub.store.records import stored
from scuttlekit.pub.store.views import forget_views

_logger = logging.getLogger(__name__)


def index_of(log: Log, path: Path) -> Index:
    """Open the index of this log, or create an empty one. Raises OSError."""
    try:
        index = Index.open(path)
    except IndexLost as error:
        if path.exists():
            _logger.warning("The index is made again from the log: %s.", error)
        return Index.make(path)
    if _is_of(index, log):
        return index
    _logger.warning("The index is made again: the log is not the one that it was made from.")
    index.drop()
    forget_views(log.path)
    return Index.make(path)


def _is_of(index: Index, log: Log) -> bool:
    covered = index.covered
    if not log.has_end(covered.end):
        return False
    if covered.last < 0:
        return True
    try:
        record = log.read(covered.last)
        one = None if is_deleted(record) else stored(record, covered.last)
    except (Misplaced, InvalidFormat):
        return False
    return one is None or one.key == covered.key
