"""Which blobs are stored, their sizes, and whose messages link them.

The blobs themselves are on disk. This record saves walking through all their folders.
"""

import sqlite3
from collections.abc import Sequence
from typing import Final

from scuttlekit.graph import FOLLOWS
from scuttlekit.pub.store.database import transaction, translated

TABLES: Final = (
    "CREATE TABLE links (feed INTEGER NOT NULL, blob BLOB NOT NULL, PRIMARY KEY (feed, blob)) WITHOUT ROWID",
    """CREATE TABLE blobs (
        blob BLOB PRIMARY KEY, size INTEGER NOT NULL, since INTEGER NOT NULL
    ) WITHOUT ROWID""",
)

Held = tuple[bytes, int, int]
"""A stored blob: its SHA-256, its size in bytes, and when it arrived, in seconds since 1970."""

_BLOCK: Final = 4096
_ON_DISK: Final = f"(size + {_BLOCK - 1}) / {_BLOCK} * {_BLOCK}"

_NEAR: Final = (
    f"(SELECT feed FROM members WHERE relation = {FOLLOWS}"  # noqa: S608  # nosec B608
    " UNION ALL SELECT number FROM feeds WHERE id = ?1)"
)
_OURS: Final = "(SELECT blob FROM links WHERE feed = (SELECT number FROM feeds WHERE id = ?1))"
_FAR: Final = (
    "SELECT blob, size FROM blobs WHERE since < ?2"  # noqa: S608  # nosec B608
    f" AND blob NOT IN (SELECT blob FROM links WHERE feed IN {_NEAR}) ORDER BY since, blob LIMIT ?3"
)
_LARGEST: Final = (
    "SELECT links.feed FROM links JOIN members USING (feed) JOIN blobs USING (blob)"  # noqa: S608  # nosec B608
    f" WHERE relation = {FOLLOWS} AND blob NOT IN {_OURS} GROUP BY links.feed ORDER BY SUM({_ON_DISK}) DESC LIMIT 1"
)
_OF_LARGEST: Final = (
    f"SELECT blob, size FROM links JOIN blobs USING (blob) WHERE feed = ({_LARGEST})"  # noqa: S608  # nosec B608
    f" AND blob NOT IN {_OURS} ORDER BY since, blob LIMIT ?2"
)
_IS_NEAR: Final = f"SELECT 1 FROM links WHERE blob = ?2 AND feed IN {_NEAR} LIMIT 1"  # noqa: S608  # nosec B608
_LATEST: Final = 1 << 53


def on_disk(size: int) -> int:
    """How many bytes of the disk a blob of `size` bytes takes: file systems store files in blocks."""
    return -(-size // _BLOCK) * _BLOCK


class Shelf:
    """The record of blobs in the index. Methods raise IndexLost, and OSError if the disk is full.

    A feed is near if it is the pub or the pub follows it. `own` is the pub's id.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._total: int | None = None

    @property
    def total(self) -> int:
        """How many bytes of the disk all stored blobs take."""
        if self._total is None:
            with translated():
                (self._total,) = self._connection.execute(
                    f"SELECT COALESCE(SUM({_ON_DISK}), 0) FROM blobs"  # noqa: S608  # nosec B608
                ).fetchone()
        return self._total or 0

    def hear(self, links: Sequence[tuple[int, bytes]]) -> None:
        """Record links, each the number of a feed and a blob. Call it within a transaction."""
        if links:
            self._connection.executemany("INSERT OR IGNORE INTO links VALUES (?, ?)", links)

    def all(self) -> set[bytes]:
        """The SHA-256 of each stored blob."""
        with translated():
            return {blob for (blob,) in self._connection.execute("SELECT blob FROM blobs")}

    def put(self, blobs: Sequence[Held]) -> None:
        """Record that these blobs are stored."""
        new = sum(on_disk(size) - on_disk(self._size(blob) or 0) for blob, size, _ in blobs)
        self._total = self.total + new
        with translated(), transaction(self._connection):
            self._connection.executemany("INSERT OR REPLACE INTO blobs VALUES (?, ?, ?)", blobs)

    def take(self, blob: bytes) -> None:
        """Record that this blob is gone."""
        if (size := self._size(blob)) is not None:
            self._total = self.total - on_disk(size)
            with translated():
                self._connection.execute("DELETE FROM blobs WHERE blob = ?", (blob,))

    def is_near(self, blob: bytes, own: str) -> bool:
        """Whether a near feed links a blob."""
        with translated():
            return self._connection.execute(_IS_NEAR, (own, blob)).fetchone() is not None

    def far(self, own: str, limit: int, *, before: int = _LATEST) -> list[tuple[bytes, int]]:
        """Blobs that no near feed links, with sizes, oldest first, if they arrived before `before`, in s since 1970."""
        with translated():
            return self._connection.execute(_FAR, (own, before, limit)).fetchall()

    def of_largest(self, own: str, limit: int) -> list[tuple[bytes, int]]:
        """Blobs of the followed feed whose blobs take the most space, oldest first, except those the pub
        itself links.
        """
        with translated():
            return self._connection.execute(_OF_LARGEST, (own, limit)).fetchall()

    def _size(self, blob: bytes) -> int | None:
        with translated():
            row = self._connection.execute("SELECT size FROM blobs WHERE blob = ?", (blob,)).fetchone()
        return row[0] if row else None
