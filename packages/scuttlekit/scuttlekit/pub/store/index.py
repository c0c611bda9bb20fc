"""The index of the log: which record holds which message, and some of what messages say.

It knows how many bytes of the log it covers and the last record it took, so it notices a log that is not its
own. If anything is wrong with it, it is deleted and rebuilt from the log, since it holds nothing that the log
does not.
"""

import binascii
import hashlib
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Self

from scuttlekit.keys import decode_feed_id, encode_feed_id
from scuttlekit.offsetlog import FRAME
from scuttlekit.pub.store import database
from scuttlekit.pub.store.database import IndexLost, Mark, transaction, translated
from scuttlekit.pub.store.members import TABLES as MEMBERS
from scuttlekit.pub.store.members import Members
from scuttlekit.pub.store.records import IndexEntry
from scuttlekit.pub.store.shelf import TABLES as SHELF
from scuttlekit.pub.store.shelf import Shelf

VERSION: Final = 2
MOST_NUMBERS: Final = 4096
_APPLICATION: Final = 0x53434B54

_TABLES = (
    "CREATE TABLE state (covered INTEGER NOT NULL, last INTEGER NOT NULL, key TEXT NOT NULL, messages INTEGER NOT NULL)",
    "INSERT INTO state VALUES (0, -1, '', 0)",
    """CREATE TABLE feeds (
        number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, sequence INTEGER NOT NULL, offset INTEGER NOT NULL, named INTEGER,
        name TEXT, bytes INTEGER NOT NULL, received INTEGER NOT NULL
    )""",
    """CREATE TABLE messages (
        offset INTEGER PRIMARY KEY, feed INTEGER NOT NULL, sequence INTEGER NOT NULL, part INTEGER NOT NULL
    )""",
    """CREATE TABLE relations (
        source INTEGER NOT NULL, target BLOB NOT NULL, relation INTEGER NOT NULL, PRIMARY KEY (source, target)
    ) WITHOUT ROWID""",
    "CREATE TABLE noted (sequence INTEGER PRIMARY KEY, offset INTEGER NOT NULL)",
    *MEMBERS,
    *SHELF,
)
# Created only when a new index has caught up for the first time, which is many times faster.
_ORDERS = (
    "CREATE INDEX IF NOT EXISTS by_feed ON messages (feed, sequence)",
    "CREATE INDEX IF NOT EXISTS by_part ON messages (part)",
)

_ADVANCE = """UPDATE feeds SET offset = CASE WHEN sequence <= ?2 THEN ?3 ELSE offset END, sequence = MAX(sequence, ?2),
    bytes = bytes + ?4, received = MAX(received, ?5) WHERE number = ?1"""
_ASCENDING_OF = (
    "SELECT offset FROM messages WHERE feed = (SELECT number FROM feeds WHERE id = ?)"
    " AND sequence > ? AND sequence < ? ORDER BY sequence LIMIT ?"
)
_DESCENDING_OF = _ASCENDING_OF.replace("ORDER BY sequence", "ORDER BY sequence DESC")
_ASCENDING = "SELECT offset FROM messages WHERE offset > ? AND offset < ? ORDER BY offset LIMIT ?"
_DESCENDING = _ASCENDING.replace("ORDER BY offset", "ORDER BY offset DESC")


@dataclass(slots=True)
class Covered:
    """How much of the log the index covers."""

    end: int
    """All records before this byte are covered."""
    last: int
    """The offset of the last message taken, -1 for none,"""
    key: str
    """and the id of that message."""
    messages: int


@dataclass(slots=True)
class _Head:
    """The changes to a feed's row that some of its messages make."""

    sequence: int = 0
    offset: int = 0
    bytes: int = 0
    received: int = 0

    def take(self, offset: int, entry: IndexEntry) -> None:
        if entry.sequence >= self.sequence:
            self.sequence, self.offset = entry.sequence, offset
        self.bytes += entry.size + FRAME
        self.received = max(self.received, entry.received)


class Index:
    """The open index. Its methods raise IndexLost, and OSError if the disk is full."""

    def __init__(
        self, path: Path, connection: sqlite3.Connection, mark: Mark, *, is_new: bool = False
    ) -> None:
        self.is_new = is_new
        """Whether this process built all of it from the log."""
        self._path = path
        self._connection = connection
        self._mark = mark
        self._numbers: dict[str, int] = {}
        self.members = Members(connection)
        self.shelf = Shelf(connection)
        with translated():
            (row,) = connection.execute("SELECT covered, last, key, messages FROM state")
            self.covered = Covered(*row)
            made = {
                name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'index'")
            }
        self.ordered = {"by_feed", "by_part"} <= made
        """Whether it can be queried for messages; if not, it is still being filled."""

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open the existing index. Raises IndexLost if there is no usable one, OSError."""
        if not path.exists():
            raise IndexLost("there is none")
        mark = Mark(path)
        mark.check()
        with translated():
            connection = database.connect(path)
            try:
                _check_version(connection)
                database.check_whole(path, connection)
                return cls(path, connection, mark)
            except BaseException:
                connection.close()
                raise

    @classmethod
    def make(cls, path: Path) -> Self:
        """Create an empty index, replacing any existing one. Raises IndexLost, OSError."""
        database.remove(path)
        mark = Mark(path)
        mark.set()
        with translated():
            connection = database.connect(path)
            try:
                with transaction(connection):
                    for statement in _TABLES:
                        connection.execute(statement)
                    connection.execute(f"PRAGMA application_id = {_APPLICATION}")
                    connection.execute(f"PRAGMA user_version = {VERSION}")
                return cls(path, connection, mark, is_new=True)
            except BaseException:
                connection.close()
                raise

    def add(self, entries: Sequence[tuple[int, IndexEntry]], end: int, own: str) -> None:
        """Add messages with their offsets, and cover the log up to byte `end`, all in one transaction."""
        self._mark.set()
        covered = replace(self.covered, end=end)
        if entries:
            offset, entry = entries[-1]
            covered = Covered(end, offset, entry.key, covered.messages + len(entries))
        try:
            with translated(), transaction(self._connection):
                self._add(entries, own)
                self._cover(covered)
        except BaseException:
            self._numbers.clear()
            raise
        self.covered = covered

    def _add(self, entries: Sequence[tuple[int, IndexEntry]], own: str) -> None:
        numbered = [(offset, self._number(entry.author), entry) for offset, entry in entries]
        self._connection.executemany(
            "INSERT INTO messages VALUES (?, ?, ?, ?)",
            [(offset, feed, entry.sequence, _part(entry.key)) for offset, feed, entry in numbered],
        )
        heads: dict[int, _Head] = {}
        for offset, feed, entry in numbered:
            heads.setdefault(feed, _Head()).take(offset, entry)
        self._connection.executemany(
            _ADVANCE, [(feed, h.sequence, h.offset, h.bytes, h.received) for feed, h in heads.items()]
        )
        self._hear(numbered, own)
        self.shelf.hear([(feed, blob) for _, feed, entry in numbered for blob in entry.blobs])

    def _cover(self, covered: Covered) -> None:
        self._connection.execute(
            "UPDATE state SET covered = ?, last = ?, key = ?, messages = ?",
            (covered.end, covered.last, covered.key, covered.messages),
        )

    def _hear(self, entries: Iterable[tuple[int, int, IndexEntry]], own: str) -> None:
        """Record the relations, names and notes in the messages."""
        relations, names, noted, ours = [], [], [], []
        for offset, feed, entry in entries:
            if entry.relation:
                target, relation = entry.relation
                relations.append((feed, decode_feed_id(target), relation))
                if entry.author == own:
                    ours.append((self._number(target), entry))
                    if entry.note is not None:
                        noted.append((entry.sequence, offset))
            elif entry.name is not None:
                names.append((offset, entry.name, feed))
        if relations:
            self._connection.executemany("INSERT OR REPLACE INTO relations VALUES (?, ?, ?)", relations)
        if names:
            self._connection.executemany("UPDATE feeds SET named = ?, name = ? WHERE number = ?", names)
        if noted:
            self._connection.executemany("INSERT OR REPLACE INTO noted VALUES (?, ?)", noted)
        if ours:
            self.members.hear(ours)

    def order(self) -> None:
        """Make a filled index ready for queries. This takes a second for a million messages.

        May be called in another thread while nothing else uses the index.
        """
        with translated():
            for statement in _ORDERS:
                self._connection.execute(statement)
        self.ordered = True

    def heads(self) -> Iterator[tuple[str, int]]:
        """Yield each feed and its latest sequence."""
        return self._each("SELECT id, sequence FROM feeds WHERE sequence > 0")

    def relations(self) -> Iterator[tuple[str, str, int]]:
        """Yield each `(source, target, relation)` of the follow graph."""
        names: dict[int, str] = dict(self._each("SELECT number, id FROM feeds"))
        targets: dict[bytes, str] = {}
        for source, target, relation in self._each("SELECT source, target, relation FROM relations"):
            if (name := targets.get(target)) is None:
                name = targets[target] = encode_feed_id(target)
            yield names[source], name, relation

    def head(self, feed: str) -> int | None:
        """The offset of a feed's latest message."""
        return self._first("SELECT offset FROM feeds WHERE id = ? AND sequence > 0", feed)

    def bytes_of(self, feed: str) -> int:
        """The bytes that a feed takes up in the log."""
        return self._first("SELECT bytes FROM feeds WHERE id = ?", feed) or 0

    def larger_than(self, most: int) -> list[str]:
        """The feeds that take up more than `most` bytes in the log."""
        return [feed for (feed,) in self._each("SELECT id FROM feeds WHERE bytes > ?", most)]

    def named(self, feed: str) -> list[int]:
        """The offset of the latest message in which a feed named itself, as a list of at most one."""
        return self._offsets("SELECT named FROM feeds WHERE id = ? AND named IS NOT NULL", feed)

    def messages_of(self, feed: str, after: int, before: int, limit: int, *, reverse: bool) -> list[int]:
        """Offsets of a feed's messages with a sequence between `after` and `before`, in feed order."""
        return self._offsets(
            _DESCENDING_OF if reverse else _ASCENDING_OF,
            feed,
            after,
            before,
            limit,
        )

    def between(self, after: int, before: int, limit: int, *, reverse: bool) -> list[int]:
        """Offsets of messages between `after` and `before`, in log order."""
        return self._offsets(
            _DESCENDING if reverse else _ASCENDING,
            after,
            before,
            limit,
        )

    def with_key(self, key: str, before: int) -> list[int]:
        """Offsets below `before` of messages that may have this id, since only part of each id is indexed."""
        return self._offsets(
            "SELECT offset FROM messages WHERE part = ? AND offset < ? ORDER BY offset", _part(key), before
        )

    def invite_uses(self, after: int, before: int, limit: int) -> list[int]:
        """Offsets of the pub's own contact messages that carry a note, by sequence."""
        return self._offsets(
            "SELECT offset FROM noted WHERE sequence > ? AND sequence < ? ORDER BY sequence LIMIT ?",
            after,
            before,
            limit,
        )

    def forget(self, offsets: Sequence[int]) -> None:
        """Remove deleted messages from the index."""
        if not offsets:
            return
        self._mark.set()
        covered = replace(self.covered, messages=self.covered.messages - len(offsets))
        rows = [(offset,) for offset in offsets]
        with translated(), transaction(self._connection):
            self._connection.executemany("DELETE FROM messages WHERE offset = ?", rows)
            self._connection.executemany("DELETE FROM noted WHERE offset = ?", rows)
            self._connection.executemany("UPDATE feeds SET named = NULL, name = NULL WHERE named = ?", rows)
            self._cover(covered)
        self.covered = covered

    def close(self) -> None:
        """Close the index. Unless something fails, it is then on disk."""
        database.close(self._connection)
        self._mark.remove_once_lasting(self._path)

    def drop(self) -> None:
        """Close and delete the index. Raises OSError."""
        database.close(self._connection)
        database.remove(self._path)

    def _number(self, feed: str) -> int:
        number = self._numbers.get(feed)
        if number is None:
            number = self._first("SELECT number FROM feeds WHERE id = ?", feed)
            if number is None:
                number = self._connection.execute(
                    "INSERT INTO feeds VALUES (NULL, ?, 0, 0, NULL, NULL, 0, 0)", (feed,)
                ).lastrowid
            if number is None:
                raise IndexLost("a feed that was added has no number")
            if len(self._numbers) >= MOST_NUMBERS:
                self._numbers.clear()
            self._numbers[feed] = number
        return number

    def _first(self, statement: str, *values: str | int) -> int | None:
        with translated():
            row = self._connection.execute(statement, values).fetchone()
        return row[0] if row else None

    def _offsets(self, statement: str, *values: str | int) -> list[int]:
        with translated():
            return [offset for (offset,) in self._connection.execute(statement, values)]

    def _each(self, statement: str, *values: int) -> Iterator[Any]:
        with translated():
            yield from self._connection.execute(statement, values)


def _check_version(connection: sqlite3.Connection) -> None:
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if (application, version) != (_APPLICATION, VERSION):
        raise IndexLost(f"it is of version {version}")


def _part(key: str) -> int:
    """The first 64 bits of an id: enough to find it, in a quarter of the space. Callers check the full id."""
    try:
        bits = binascii.a2b_base64(key[1:13])
    except ValueError:
        bits = hashlib.sha256(key.encode("utf-8", "replace")).digest()
    return int.from_bytes(bits[:8], signed=True)
