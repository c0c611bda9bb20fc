"""Announcing writes to a table once they are committed. Every Django connection does so by itself."""

import os
import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from django.db import transaction
from django.db.backends.signals import connection_created

from butt.configuration import configuration

CHANNEL = "butt"
LONGEST = 4096
"""The most bytes that are sent at once."""

_WRITE = re.compile(
    r'(?:INSERT (?:OR \w+ )?INTO|UPDATE|DELETE FROM) "(\w+)"(?: SET (.*?)(?: WHERE |$))?', re.DOTALL
)
_COLUMN = re.compile(r'"(\w+)" = ')
_NOBODY_WAITS_FOR = ("figures_", "beats_", "limits_", "django_", "accounts_cache")
"""Prefixes of tables that are written to all the time."""


class Word(NamedTuple):
    """Which table was written to, and which columns of existing rows; no columns if rows were added or deleted."""

    table: str
    columns: frozenset[str] = frozenset()

    def __str__(self) -> str:
        return " ".join((self.table, *sorted(self.columns)))

    @classmethod
    def read(cls, text: str) -> "Word | None":
        """None if there is no word in it: anybody on this machine with access to the folder may send anything."""
        table, *columns = text.split() or [""]
        return cls(table, frozenset(columns)) if table else None


def word_of(sql: str) -> Word | None:
    """What to announce for an SQL statement of Django's; None if it writes nothing that anybody waits for."""
    if sql[:6] not in ("INSERT", "UPDATE", "DELETE") or not (found := _WRITE.match(sql)):
        return None
    table, columns = found.groups()
    if table.startswith(_NOBODY_WAITS_FOR):
        return None
    return Word(table, frozenset(_COLUMN.findall(columns or "")))


def folder() -> Path:
    """The folder with the sockets of the processes that listen, with SQLite."""
    return configuration().home / "wakes"


def _tell_of_writes(execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: Any) -> Any:
    done = execute(sql, params, many, context)
    word = word_of(sql) if isinstance(sql, str) and not getattr(_unannounced, "now", False) else None
    # SQLite counts the rows of an INSERT … RETURNING only when they are read, which comes later.
    if word and (context["cursor"].rowcount != 0 or sql.startswith("INSERT")):
        connection = context["connection"]
        if connection.vendor == "postgresql":
            # It is sent when the write is committed, and the same word only once.
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_notify(%s, %s)", (CHANNEL, str(word)))
        else:
            _tell_at_commit(connection, word)
    return done


_unannounced = threading.local()


@contextmanager
def unannounced() -> Iterator[None]:
    """What this thread writes within this block is not announced: a lease that is taken or ended gives nobody work."""
    _unannounced.now = True
    try:
        yield
    finally:
        _unannounced.now = False


class _Announcement:
    """What is sent when a write is committed: the words of a transaction together, each once."""

    def __init__(self) -> None:
        self.words: dict[Word, None] = {}

    def __call__(self) -> None:
        text = b""
        for word in self.words:
            line = str(word).encode() + b"\n"
            if len(text) + len(line) > LONGEST:
                _send(text)
                text = b""
            text += line
        _send(text)


def _tell_at_commit(connection: Any, word: Word) -> None:
    waiting = connection.run_on_commit[-1] if connection.run_on_commit else None
    # One that was asked for within another savepoint might be forgotten with it.
    if waiting and isinstance(waiting[1], _Announcement) and waiting[0] == set(connection.savepoint_ids):
        waiting[1].words[word] = None
        return
    announcement = _Announcement()
    announcement.words[word] = None
    transaction.on_commit(announcement, using=connection.alias, robust=True)


def _send(text: bytes) -> None:
    """Send to every process that listens here. One that has not read earlier words is awake anyway."""
    try:
        place = os.open(folder(), os.O_PATH | os.O_DIRECTORY)
    except OSError:
        return
    try:
        with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)) as sender:
            # Through the open folder, as the path of a socket must be short.
            for address in Path(f"/proc/self/fd/{place}").iterdir():
                try:
                    sender.sendto(text, str(address))
                except ConnectionRefusedError:
                    address.unlink(missing_ok=True)  # Its process was killed.
                except OSError:
                    continue
    finally:
        os.close(place)


def tell_of_writes() -> None:
    """From now on, all database connections of this process announce their writes."""
    connection_created.connect(_equip, dispatch_uid="butt.waking")


def _equip(connection: Any, **_: object) -> None:
    if _tell_of_writes not in connection.execute_wrappers:
        connection.execute_wrappers.append(_tell_of_writes)
