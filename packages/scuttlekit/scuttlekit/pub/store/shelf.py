"""Which blobs are here, how large they are, and whose messages link them.

What is here is on the disk; this only remembers it, so that nobody has to walk through all folders to tell.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Final

from scuttlekit.pub.store.database import transaction, translated

TABLES: Final = (
    "CREATE TABLE links (feed INTEGER NOT NULL, blob BLOB NOT NULL, PRIMARY KEY (feed, blob)) WITHOUT ROWID",
    """CREATE TABLE blobs (
        blob BLOB PRIMARY KEY, size INTEGER NOT NULL, since INTEGER NOT NULL
    ) WITHOUT ROWID""",
)

Held = tuple[bytes, int, int]
"""A blob that is here: its SHA-256, its bytes, and since when, in seconds since 1970."""


class Shelf:
    """The blobs, in the connection of the index. Raises IndexLost, and OSError where the disk is full."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def hear(self, links: Sequence[tuple[int, bytes]]) -> None:
        """Take what messages link: the number of a feed, and a blob. To be called within a transaction."""
        if links:
            self._connection.executemany("INSERT OR IGNORE INTO links VALUES (?, ?)", links)

    def clear(self) -> None:
        """Forget which are here."""
        with translated(), transaction(self._connection):
            self._connection.execute("DELETE FROM blobs")

    def put(self, blobs: Iterable[Held]) -> None:
        """Remember that these are here."""
        with translated(), transaction(self._connection):
            self._connection.executemany("INSERT OR REPLACE INTO blobs VALUES (?, ?, ?)", blobs)

    def take(self, blob: bytes) -> None:
        """Remember that this one is gone."""
        with translated():
            self._connection.execute("DELETE FROM blobs WHERE blob = ?", (blob,))
