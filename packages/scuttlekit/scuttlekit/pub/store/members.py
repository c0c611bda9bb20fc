"""Whom the pub itself follows and blocks, as its own feed tells, with what is here of each."""

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
"""What the pub may have said of somebody, last. Of whom it never spoke is no row."""

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
    """By what it is sorted, and what is needed for that: to look up less takes a part of the time."""

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
"""By what members can be sorted."""

# What was said before counts again when it is said again: since when, and by which invite.
_HEAR: Final = """INSERT INTO members VALUES (?1, ?2, ?3, ?4) ON CONFLICT (feed) DO UPDATE SET
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
            connection.execute("CREATE TEMP TABLE seen (feed INTEGER PRIMARY KEY, at INTEGER NOT NULL)")

    def hear(self, said: Iterable[tuple[int, IndexEntry]]) -> None:
        """Take what the pub said of feeds of these numbers, in its order. To be called within a transaction."""
        self._connection.executemany(
            _HEAR,
            [
                (feed, one.relation[1], one.said, one.note if one.is_use else None)
                for feed, one in said
                if one.relation
            ],
        )

    def see(self, feeds: Iterable[str], at: int) -> None:
        """Note when the pub heard of those of the feeds that are members: ms since 1970. A restart forgets it."""
        with translated():
            self._connection.executemany(
                "INSERT OR REPLACE INTO temp.seen SELECT feed, ?2 FROM members JOIN feeds ON number = feed WHERE id = ?1",
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
            # How much blobs take is counted only for those who are told of, unless that is the order.
            found = [self._connection.execute(_ONE, feed).fetchone() for feed in feeds]
        names = {number: name for name, number in RELATIONS.items()}
        members = [Member(*row) for row in found]
        return [one._replace(relation=names[int(one.relation)]) for one in members], total


def _where(search: Search) -> tuple[str, list[Any]]:
    numbers = [RELATIONS[name] for name in search.relations]
    parts, values = [f"members.relation IN ({', '.join('?' * len(numbers))})"], list[Any](numbers)
    if search.text:
        # Not LIKE: it has signs of its own, and takes capitals for other letters beyond ASCII as well.
        parts.append("(INSTR(LOWER(COALESCE(feeds.name, '')), LOWER(?)) > 0 OR INSTR(feeds.id, ?) > 0)")
        values += [search.text, search.text]
    if search.note is not None:
        parts.append("members.note = ?")
        values.append(search.note)
    return " AND ".join(parts), values
