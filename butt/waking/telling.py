"""Saying that a table was written to, once that is committed. Every connection of Django's does it by itself."""

import os
import re
import socket
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from django.db import transaction
from django.db.backends.signals import connection_created

from butt.configuration import configuration

CHANNEL = "butt"
LONGEST = 4096
"""Bytes of one word."""

_WRITE = re.compile(
    r'(?:INSERT (?:OR \w+ )?INTO|UPDATE|DELETE FROM) "(\w+)"(?: SET (.*?)(?: WHERE |$))?', re.DOTALL
)
_COLUMN = re.compile(r'"(\w+)" = ')
_NOBODY_WAITS_FOR = ("figures_", "beats_", "limits_", "django_", "accounts_cache")
"""Beginnings of tables that are written to all the time."""


class Word(NamedTuple):
    """Which table was written to; which columns of rows that were there, none where rows came or went."""

    table: str
    columns: frozenset[str] = frozenset()

    def __str__(self) -> str:
        return " ".join((self.table, *sorted(self.columns)))

    @classmethod
    def read(cls, text: str) -> "Word | None":
        """None where there is none in it: anybody on this machine whom its folder lets in may send anything."""
        table, *columns = text.split() or [""]
        return cls(table, frozenset(columns)) if table else None


def word_of(sql: str) -> Word | None:
    """What a statement of Django's is to say; None where it writes nothing that anybody waits for."""
    if sql[:6] not in ("INSERT", "UPDATE", "DELETE") or not (found := _WRITE.match(sql)):
        return None
    table, columns = found.groups()
    if table.startswith(_NOBODY_WAITS_FOR):
        return None
    return Word(table, frozenset(_COLUMN.findall(columns or "")))


def folder() -> Path:
    """Where the sockets of those who listen are, beside SQLite."""
    return configuration().home / "wakes"


def _tell_of_writes(execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: Any) -> Any:
    done = execute(sql, params, many, context)
    word = word_of(sql) if isinstance(sql, str) else None
    if word and context["cursor"].rowcount != 0:
        connection = context["connection"]
        if connection.vendor == "postgresql":
            # It goes out with the commit of what was written, and the same word once.
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_notify(%s, %s)", (CHANNEL, str(word)))
        else:
            transaction.on_commit(partial(_send, str(word).encode()), using=connection.alias, robust=True)
    return done


def _send(word: bytes) -> None:
    """To everybody who listens here. Who has not taken earlier words yet is awake anyway."""
    try:
        place = os.open(folder(), os.O_PATH | os.O_DIRECTORY)
    except OSError:
        return
    try:
        with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)) as sender:
            # Through the open folder, as the path of a socket may not be long.
            for address in Path(f"/proc/self/fd/{place}").iterdir():
                try:
                    sender.sendto(word, str(address))
                except ConnectionRefusedError:
                    address.unlink(missing_ok=True)  # Whose process was killed.
                except OSError:
                    continue
    finally:
        os.close(place)


def tell_of_writes() -> None:
    """From now on, all connections of this process do."""
    connection_created.connect(_equip, dispatch_uid="butt.waking")


def _equip(connection: Any, **_: object) -> None:
    if _tell_of_writes not in connection.execute_wrappers:
        connection.execute_wrappers.append(_tell_of_writes)
