"""The members, whom the pub follows or blocks according to its own feed, and what is stored of each."""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from scuttlekit.graph import BLOCKS, FOLLOWS, NEITHER
from scuttlekit.pub.store.database import translated
from scuttlekit.pub.store.records import IndexEntry

TABLES: Final = (
    """CREATE TABLE members (
        feed INTEGER PRIMARY KEY, relation INTEGER NOT NULL, since INTEGER NOT NULL, note TEXT
    )""",
)

RELATIONS: Final[Mapping[str, int]] = {"follows": FOLLOWS, "blocks": BLOCKS, "none": NEITHER}
"""The pub's latest relation to somebody, by name. Feeds that the pub never mentioned have no row."""

_FEEDS: Final = "members JOIN feeds ON feeds.number = members.feed"
_TABLES: Final = f"{_FEEDS} LEFT JOIN temp.seen ON seen.feed = members.feed"
_SEEN: Final = "MAX(feeds.received, COALESCE(seen.at, 0))"
_BLOB_BYTES: Final = (
    "(SELECT COALESCE(SUM(size), 0) FROM links JOIN blobs USING (blob) WHERE links.feed = members.feed)"
)
_ONE: Final = (
    f"SELECT feeds.id, feeds.name, members.relation, members.since, members.note, {_SEEN},"  # noqa: S608  # nosec B608
    f" feeds.sequence, feeds.bytes, {_BLOB_BYTES} FROM {_TABLES} WHERE members.feed = ?"
)


class _Order(NamedTuple):
    """A sort key, and the tables it needs. Joining fewer tables is much faster."""

    key: str
    tables: str = _FEEDS


SORTS: Final[Mapping[str, _Order]] = {
    "name": _Order("feeds.name IS NULL, feeds.name COLLATE NOCASE"),
    "since": _Order("members.since", "members"),
    "seen": _Order(_SEEN, _TABLES),
    "messages": _Order("feeds.sequence"),
    "bytes": _Order("feeds.bytes"),
    "blobBytes": _Order(_BLOB_BYTES, "members"),
}
"""The ways to sort members."""

# Repeating a relation keeps its `since`, and a message without a note keeps the note.
_HEAR: Final = """INSERT INTO members VALUES (?1, ?2, ?3, ?4) ON CONFLICT (feed) DO UPDATE SET
    since = CASE WHEN relation = ?2 THEN since ELSE ?3 END, relation = ?2, note = COALESCE(?4, note)"""


@dataclass(frozen=True, slots=True)
class Search:
    """Which members to find, in which order, and which page of them."""

    relations: Sequence[str]
    text: str = ""
    """Text that their name or id must contain."""
    note: str | None = None
    """The note of the invite they used."""
    sort: str = "since"
    descending: bool = True
    after: int = 0
    limit: int = 50


class Member(NamedTuple):
    """Somebody whom the pub has followed, blocked, or stopped doing so."""

    id: str
    name: str | None
    relation: str
    since: int
    """Since when the relation holds, in ms since 1970."""
    note: str | None
    seen: int
    """When the pub last saw them, in ms since 1970; 0 for never."""
    messages: int
    bytes: int
    """Bytes in the log, including record frames."""
    blob_bytes: int
    """Bytes of the stored blobs that their messages link."""


class Members:
    """The members, stored in the index. Methods raise IndexLost, and OSError if the disk is full."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        with translated():
            # A pub may not be able to write anywhere but in its folder.
            connection.execute("PRAGMA temp_store = MEMORY")
            connection.execute("CREATE TEMP TABLE seen (feed INTEGER PRIMARY KEY, at INTEGER NOT NULL)")

    def hear(self, said: Iterable[tuple[int, IndexEntry]]) -> None:
        """Record the pub's own contact messages, in order, each with its target's number. Call it within a
        transaction.
        """
        self._connection.executemany(
            _HEAR,
            [
                (feed, one.relation[1], one.said, one.note if one.is_use else None)
                for feed, one in said
                if one.relation
            ],
        )

    def see(self, feeds: Iterable[str], at: int) -> None:
        """Record that those feeds that are members were seen `at`, in ms since 1970. This is lost on restart."""
        with translated():
            self._connection.executemany(
                "INSERT OR REPLACE INTO temp.seen SELECT feed, ?2 FROM members JOIN feeds ON number = feed WHERE id = ?1",
                [(feed, at) for feed in feeds],
            )

    def count(self) -> dict[str, int]:
        """Count the members of each relation."""
        with translated():
            found = dict(self._connection.execute("SELECT relation, COUNT(*) FROM members GROUP BY relation"))
        return {name: found.get(number, 0) for name, number in RELATIONS.items()}

    def find(self, search: Search) -> tuple[list[Member], int]:
        """Return a page of members, and the total number found."""
        where, values = _where(search)
        order = SORTS[search.sort]
        way = "DESC" if search.descending else "ASC"
        tables = _TABLES if search.text and order.tables == "members" else order.tables
        with translated():
            (total,) = self._connection.execute(
                f"SELECT COUNT(*) FROM {_FEEDS if search.text else 'members'} WHERE {where}",  # noqa: S608  # nosec B608
                values,
            ).fetchone()
            feeds = self._connection.execute(
                f"SELECT members.feed FROM {tables} WHERE {where}"  # noqa: S608  # nosec B608
                f" ORDER BY {order.key} {way}, members.feed {way} LIMIT ? OFFSET ?",
                (*values, search.limit, search.after),
            ).fetchall()
            # Blob bytes are summed only for the members on the page, unless they are the sort key.
            found = [self._connection.execute(_ONE, feed).fetchone() for feed in feeds]
        names = {number: name for name, number in RELATIONS.items()}
        members = [Member(*row) for row in found]
        return [one._replace(relation=names[int(one.relation)]) for one in members], total


def _where(search: Search) -> tuple[str, list[Any]]:
    numbers = [RELATIONS[name] for name in search.relations]
    parts, values = [f"members.relation IN ({', '.join('?' * len(numbers))})"], list[Any](numbers)
    if search.text:
        # Not LIKE: it has wildcards, and it too ignores case only in ASCII.
        parts.append("(INSTR(LOWER(COALESCE(feeds.name, '')), LOWER(?)) > 0 OR INSTR(feeds.id, ?) > 0)")
        values += [search.text, search.text]
    if search.note is not None:
        parts.append("members.note = ?")
        values.append(search.note)
    return " AND ".join(parts), values
