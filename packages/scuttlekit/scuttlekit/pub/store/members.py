"""Whom the pub itself follows and blocks, as its own feed tells, with what is here of each."""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from scuttlekit.graph import BLOCKS, FOLLOWS, NEITHER
from scuttlekit.pub.store.database import translated
from scuttlekit.pub.store.records import Entry

TABLES: Final = (
    """CREATE TABLE members (
        id TEXT PRIMARY KEY, relation INTEGER NOT NULL, since INTEGER NOT NULL, note TEXT
    ) WITHOUT ROWID""",
)

RELATIONS: Final[Mapping[str, int]] = {"follows": FOLLOWS, "blocks": BLOCKS, "none": NEITHER}
"""What the pub may have said of somebody, last. Of whom it never spoke is no row."""

_TABLES: Final = "members LEFT JOIN feeds USING (id) LEFT JOIN temp.seen USING (id)"
_SEEN: Final = "MAX(COALESCE(feeds.received, 0), COALESCE(seen.at, 0))"
_BLOB_BYTES: Final = (
    "(SELECT COALESCE(SUM(size), 0) FROM links JOIN blobs USING (blob) WHERE links.feed = feeds.number)"
)
_ONE: Final = (
    f"SELECT members.id, feeds.name, members.relation, members.since, members.note, {_SEEN},"  # noqa: S608
    f" COALESCE(feeds.sequence, 0), COALESCE(feeds.bytes, 0), {_BLOB_BYTES} FROM {_TABLES} WHERE members.id = ?"
)

SORTS: Final[Mapping[str, str]] = {
    "name": "feeds.name IS NULL, feeds.name COLLATE NOCASE",
    "since": "members.since",
    "seen": _SEEN,
    "messages": "COALESCE(feeds.sequence, 0)",
    "bytes": "COALESCE(feeds.bytes, 0)",
    "blobBytes": _BLOB_BYTES,
}
"""By what members can be sorted."""

# What was said before counts again when it is said again: since when, and by which invite.
_HEAR: Final = """INSERT INTO members VALUES (?1, ?2, ?3, ?4) ON CONFLICT (id) DO UPDATE SET
    since = CASE WHEN relation = ?2 THEN since ELSE ?3 END, relation = ?2, note = COALESCE(?4, note)"""


@dataclass(frozen=True, slots=True)
class Search:
    """Which members are asked for, in which order, and how many after how many others."""

    relations: Sequence[str]
    text: str = ""
    """What their name or id holds."""
    note: str | None = None
    """The note of the invite by which they came."""
    sort: str = "since"
    descending: bool = True
    after: int = 0
    limit: int = 50


class Member(NamedTuple):
    """Somebody of whom the pub spoke."""

    id: str
    name: str | None
    relation: str
    since: int
    """Since when that is so: ms since 1970."""
    note: str | None
    seen: int
    """When the pub last heard of them: ms since 1970, 0 for never."""
    messages: int
    bytes: int
    """Of the log, with what frames each record."""
    blob_bytes: int
    """Of the blobs that are here and that their messages link."""


class Members:
    """The members, in the connection of the index. Raises IndexLost, and OSError where the disk is full."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        with translated():
            # A pub may have nowhere to write but its folder.
            connection.execute("PRAGMA temp_store = MEMORY")
            connection.execute(
                "CREATE TEMP TABLE seen (id TEXT PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID"
            )

    def hear(self, said: Iterable[Entry]) -> None:
        """Take what the pub said of others, in the order of its feed. To be called within a transaction."""
        rows = [(*one.relation, one.said, one.note if one.is_use else None) for one in said if one.relation]
        self._connection.executemany(_HEAR, rows)

    def see(self, feeds: Iterable[str], at: int) -> None:
        """Note when the pub heard of those of the feeds that are members: ms since 1970. A restart forgets it."""
        with translated():
            self._connection.executemany(
                "INSERT OR REPLACE INTO temp.seen SELECT id, ?2 FROM members WHERE id = ?1",
                [(feed, at) for feed in feeds],
            )

    def count(self) -> dict[str, int]:
        """How many there are of each relation."""
        with translated():
            found = dict(self._connection.execute("SELECT relation, COUNT(*) FROM members GROUP BY relation"))
        return {name: found.get(number, 0) for name, number in RELATIONS.items()}

    def find(self, search: Search) -> tuple[list[Member], int]:
        """A page of members, and how many are found in all."""
        where, values = _where(search)
        way = "DESC" if search.descending else "ASC"
        with translated():
            (total,) = self._connection.execute(
                f"SELECT COUNT(*) FROM {_TABLES} WHERE {where}",  # noqa: S608 - of our own words
                values,
            ).fetchone()
            order = f"{SORTS[search.sort]} {way}, members.id"
            ids = self._connection.execute(
                f"SELECT members.id FROM {_TABLES} WHERE {where} ORDER BY {order} LIMIT ? OFFSET ?",  # noqa: S608
                (*values, search.limit, search.after),
            ).fetchall()
            # How much blobs take is counted only for those who are told of, unless that is the order.
            found = [self._connection.execute(_ONE, one).fetchone() for one in ids]
        names = {number: name for name, number in RELATIONS.items()}
        members = [Member(*row) for row in found]
        return [one._replace(relation=names[int(one.relation)]) for one in members], total


def _where(search: Search) -> tuple[str, list[Any]]:
    numbers = [RELATIONS[name] for name in search.relations]
    parts, values = [f"members.relation IN ({', '.join('?' * len(numbers))})"], list[Any](numbers)
    if search.text:
        # Not LIKE: it has signs of its own, and takes capitals for other letters beyond ASCII as well.
        parts.append("(INSTR(LOWER(COALESCE(feeds.name, '')), LOWER(?)) > 0 OR INSTR(members.id, ?) > 0)")
        values += [search.text, search.text]
    if search.note is not None:
        parts.append("members.note = ?")
        values.append(search.note)
    return " AND ".join(parts), values
