"""The index beside the log, in SQLite: which record holds which message, and a little of what messages say.

It knows up to which byte it covers the log and the record it took last, so a log that it does not belong to is noticed.
Whatever is wrong with it, it is thrown away and made again from the log: it holds nothing that the log does not.
"""

import binascii
import errno
import hashlib
import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from scuttlekit.graph import relation_in
from scuttlekit.keys import decode_feed_id, encode_feed_id
from scuttlekit.pub.store.records import Entry, names_itself

VERSION: Final = 1
CACHE_KIB: Final = 1024
MOST_NUMBERS: Final = 4096
PATIENCE: Final = 5.0
"""For how many seconds another program may hold the file."""

_APPLICATION: Final = 0x53434B54
_SIDES: Final = ("", "-wal", "-shm", "-journal")

_TABLES = """
CREATE TABLE state (covered INTEGER NOT NULL, last INTEGER NOT NULL, key TEXT NOT NULL, messages INTEGER NOT NULL);
CREATE TABLE feeds (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, sequence INTEGER NOT NULL, offset INTEGER NOT NULL, named INTEGER
);
CREATE TABLE messages (
    offset INTEGER PRIMARY KEY, feed INTEGER NOT NULL, sequence INTEGER NOT NULL, part INTEGER NOT NULL
);
CREATE TABLE relations (
    source INTEGER NOT NULL, target BLOB NOT NULL, relation INTEGER NOT NULL, PRIMARY KEY (source, target)
) WITHOUT ROWID;
CREATE TABLE noted (sequence INTEGER PRIMARY KEY, offset INTEGER NOT NULL);
INSERT INTO state VALUES (0, -1, '', 0);
"""
# Made when a new index has caught up for the first time: so it is made in a small part of the time.
_ORDERS = (
    "CREATE INDEX IF NOT EXISTS by_feed ON messages (feed, sequence)",
    "CREATE INDEX IF NOT EXISTS by_part ON messages (part)",
)

_ASCENDING_OF = (
    "SELECT offset FROM messages WHERE feed = (SELECT number FROM feeds WHERE id = ?)"
    " AND sequence > ? AND sequence < ? ORDER BY sequence LIMIT ?"
)
_DESCENDING_OF = _ASCENDING_OF.replace("ORDER BY sequence", "ORDER BY sequence DESC")
_ASCENDING = "SELECT offset FROM messages WHERE offset > ? AND offset < ? ORDER BY offset LIMIT ?"
_DESCENDING = _ASCENDING.replace("ORDER BY offset", "ORDER BY offset DESC")


class IndexLost(Exception):
    """The index cannot be used. It is to be thrown away and made again."""


@dataclass(slots=True)
class Covered:
    """How much of the log the index knows."""

    end: int
    """It covers all records before this byte."""
    last: int
    """The offset of the message that it took last, -1 for none,"""
    key: str
    """and the id of that message."""
    messages: int


class Index:
    """The index, open. Its methods raise IndexLost, and OSError where the disk is full."""

    def __init__(self, path: Path, database: sqlite3.Connection, covered: Covered, *, ordered: bool) -> None:
        self.path = path
        self.covered = covered
        self.ordered = ordered
        """Whether it can be asked for messages; else it is only being filled."""
        self._database = database
        self._numbers: dict[str, int] = {}

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open the index that is there. Raises IndexLost where there is none that we know, OSError."""
        if not path.exists():
            raise IndexLost("there is none")
        with _lost_or_full():
            database = _connect(path)
            try:
                _check_version(database)
                covered = Covered(
                    *database.execute("SELECT covered, last, key, messages FROM state").fetchone()
                )
                names = {
                    name
                    for (name,) in database.execute("SELECT name FROM sqlite_schema WHERE type = 'index'")
                }
                return cls(path, database, covered, ordered={"by_feed", "by_part"} <= names)
            except BaseException:
                database.close()
                raise

    @classmethod
    def make(cls, path: Path) -> Self:
        """Begin an empty index, in the place of whatever is there. Raises OSError."""
        remove(path)
        with _lost_or_full():
            database = _connect(path)
            try:
                database.execute("BEGIN")
                for statement in _TABLES.split(";\n"):
                    database.execute(statement)
                database.execute(f"PRAGMA application_id = {_APPLICATION}")
                database.execute(f"PRAGMA user_version = {VERSION}")
                database.execute("COMMIT")
            except BaseException:
                database.close()
                raise
        return cls(path, database, Covered(0, -1, "", 0), ordered=False)

    def add(self, entries: Sequence[tuple[int, Entry]], end: int, own: str) -> None:
        """Take messages with their offsets, and cover the log up to byte `end`: all of it or nothing."""
        covered = self.covered
        if entries:
            offset, entry = entries[-1]
            covered = Covered(end, offset, entry.key, covered.messages + len(entries))
        else:
            covered = Covered(end, covered.last, covered.key, covered.messages)
        with _lost_or_full(), self._transaction():
            run = self._database.executemany
            numbered = [(offset, self._number(entry.author), entry) for offset, entry in entries]
            run(
                "INSERT OR REPLACE INTO messages VALUES (?, ?, ?, ?)",
                [(offset, feed, entry.sequence, _part(entry.key)) for offset, feed, entry in numbered],
            )
            heads = {feed: (entry.sequence, offset, feed) for offset, feed, entry in _highest(numbered)}
            run(
                "UPDATE feeds SET sequence = ?1, offset = ?2 WHERE number = ?3 AND sequence <= ?1",
                heads.values(),
            )
            self._hear(numbered, own)
            self._database.execute(
                "UPDATE state SET covered = ?, last = ?, key = ?, messages = ?",
                (covered.end, covered.last, covered.key, covered.messages),
            )
        self.covered = covered

    def _hear(self, entries: Iterable[tuple[int, int, Entry]], own: str) -> None:
        """Keep what the messages say that is asked for at each start."""
        relations, names, noted = [], [], []
        for offset, feed, entry in entries:
            content = entry.content
            if not isinstance(content, dict):
                continue
            if found := relation_in(content):
                target, relation = found
                relations.append((feed, decode_feed_id(target), relation))
                if entry.author == own and isinstance(content.get("note"), str):
                    noted.append((entry.sequence, offset))
            elif names_itself(entry.author, content):
                names.append((offset, feed))
        if relations:
            self._database.executemany("INSERT OR REPLACE INTO relations VALUES (?, ?, ?)", relations)
        if names:
            self._database.executemany("UPDATE feeds SET named = ? WHERE number = ?", names)
        if noted:
            self._database.executemany("INSERT OR REPLACE INTO noted VALUES (?, ?)", noted)

    def order(self) -> None:
        """Have an index that was filled ready to be asked. It takes a second for a million messages.

        It uses a connection of its own, so it may be called in another thread as long as nothing is added.
        """
        with _lost_or_full():
            database = _connect(self.path)
            try:
                for statement in _ORDERS:
                    database.execute(statement)
            finally:
                database.close()
        self.ordered = True

    def heads(self) -> Iterator[tuple[str, int]]:
        """Each feed and its latest sequence."""
        return self._each("SELECT id, sequence FROM feeds WHERE sequence > 0")

    def relations(self) -> Iterator[tuple[str, str, int]]:
        """Each pair of the follow graph."""
        rows = self._each("SELECT id, target, relation FROM relations JOIN feeds ON number = source")
        return ((source, encode_feed_id(target), relation) for source, target, relation in rows)

    def head(self, feed: str) -> int | None:
        """The offset of a feed's latest message."""
        return self._first("SELECT offset FROM feeds WHERE id = ? AND sequence > 0", feed)

    def named(self, feed: str) -> int | None:
        """The offset of the latest message by which a feed named itself."""
        return self._first("SELECT named FROM feeds WHERE id = ?", feed)

    def messages_of(self, feed: str, after: int, before: int, limit: int, *, reverse: bool) -> list[int]:
        """Offsets of a feed's messages whose sequence lies between the two, in its order."""
        return self._offsets(
            _DESCENDING_OF if reverse else _ASCENDING_OF,
            feed,
            after,
            before,
            limit,
        )

    def between(self, after: int, before: int, limit: int, *, reverse: bool) -> list[int]:
        """Offsets of messages that lie between the two, in the order of the log."""
        return self._offsets(
            _DESCENDING if reverse else _ASCENDING,
            after,
            before,
            limit,
        )

    def with_key(self, key: str) -> list[int]:
        """Offsets of the messages that may have this id: it is kept in part only."""
        return self._offsets("SELECT offset FROM messages WHERE part = ? ORDER BY offset", _part(key))

    def noted(self, after: int, limit: int) -> list[int]:
        """Offsets of the pub's own messages that speak of somebody with a note, by sequence."""
        return self._offsets(
            "SELECT offset FROM noted WHERE sequence > ? ORDER BY sequence LIMIT ?", after, limit
        )

    def checkpoint(self) -> None:
        """Move what was added from SQLite's own log into the file. May be called in another thread."""
        with _lost_or_full():
            database = _connect(self.path)
            try:
                database.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            finally:
                database.close()

    def close(self) -> None:
        with suppress(sqlite3.Error):
            self._database.close()

    def _number(self, feed: str) -> int:
        number = self._numbers.get(feed)
        if number is None:
            number = self._first("SELECT number FROM feeds WHERE id = ?", feed)
            if number is None:
                number = self._database.execute(
                    "INSERT INTO feeds VALUES (NULL, ?, 0, 0, NULL)", (feed,)
                ).lastrowid
            if number is None:
                raise IndexLost("a feed that was added has no number")
            if len(self._numbers) >= MOST_NUMBERS:
                self._numbers.clear()
            self._numbers[feed] = number
        return number

    def _first(self, statement: str, *values: str | int) -> int | None:
        with _lost_or_full():
            row = self._database.execute(statement, values).fetchone()
        return row[0] if row else None

    def _offsets(self, statement: str, *values: str | int) -> list[int]:
        with _lost_or_full():
            return [offset for (offset,) in self._database.execute(statement, values)]

    def _each(self, statement: str) -> Iterator[Any]:
        with _lost_or_full():
            yield from self._database.execute(statement)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._database.execute("COMMIT")
        except BaseException:
            self._numbers.clear()
            with suppress(sqlite3.Error):
                self._database.execute("ROLLBACK")
            raise


def remove(path: Path) -> None:
    """Remove an index and what SQLite keeps beside it."""
    for side in _SIDES:
        path.with_name(path.name + side).unlink(missing_ok=True)


def _connect(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path, isolation_level=None, timeout=PATIENCE)
    try:
        database.execute("PRAGMA journal_mode = WAL")
        # A commit does not wait for the disk. What the machine had not written is taken from the log again.
        database.execute("PRAGMA synchronous = NORMAL")
        database.execute("PRAGMA wal_autocheckpoint = 0")
        database.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
    except BaseException:
        database.close()
        raise
    return database


def _check_version(database: sqlite3.Connection) -> None:
    (application,) = database.execute("PRAGMA application_id").fetchone()
    (version,) = database.execute("PRAGMA user_version").fetchone()
    if (application, version) != (_APPLICATION, VERSION):
        raise IndexLost(f"it is of version {version}")


@contextmanager
def _lost_or_full() -> Iterator[None]:
    """Tell what SQLite says in the two ways that matter here."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        if code == sqlite3.SQLITE_FULL:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from error
        if code in {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM}:
            raise PermissionError(errno.EACCES, "the index beside the log cannot be written") from error
        if code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
            raise OSError(errno.EBUSY, "another program holds the index beside the log") from error
        raise IndexLost(str(error)) from error


def _highest(entries: Iterable[tuple[int, int, Entry]]) -> list[tuple[int, int, Entry]]:
    """The last one of each feed, by sequence."""
    return sorted(entries, key=lambda one: one[2].sequence)


def _part(key: str) -> int:
    """The first 64 bits of an id: enough to find it, and a quarter of the room. Who looks checks what it finds."""
    try:
        bits = binascii.a2b_base64(key[1:13])
    except ValueError:
        bits = hashlib.sha256(key.encode("utf-8", "replace")).digest()
    return int.from_bytes(bits[:8], signed=True)
