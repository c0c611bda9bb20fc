"""All objects, by kind and id, in the order in which they were made; kept in SQLite if a file is given."""

from __future__ import annotations

import contextlib
import json
import secrets
import sqlite3
import string
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from stripe_standin.errors import missing

Object = dict[str, Any]
_LETTERS = string.ascii_letters + string.digits


def new_id(prefix: str, length: int = 24) -> str:
    return f"{prefix}_" + "".join(secrets.choice(_LETTERS) for _ in range(length))


class Store:
    """Code that changes an object calls `put` before the request ends; `commit` writes all of them in one
    transaction.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._rows: dict[str, dict[str, Object]] = {}
        self._changed: dict[tuple[str, str], Object | None] = {}
        self._file = sqlite3.connect(path, check_same_thread=False, isolation_level=None) if path else None
        if self._file:
            self._file.execute("PRAGMA journal_mode=WAL")
            self._file.execute(
                "CREATE TABLE IF NOT EXISTS object (number INTEGER PRIMARY KEY, kind TEXT, id TEXT, body TEXT, UNIQUE (kind, id))"
            )
            for kind, identifier, body in self._file.execute(
                "SELECT kind, id, body FROM object ORDER BY number"
            ):
                self._rows.setdefault(kind, {})[identifier] = json.loads(body)

    def put(self, kind: str, thing: Object) -> Object:
        self._rows.setdefault(kind, {})[thing["id"]] = thing
        self._changed[kind, thing["id"]] = thing
        return thing

    def remove(self, kind: str, identifier: str) -> None:
        self._rows.get(kind, {}).pop(identifier, None)
        self._changed[kind, identifier] = None

    def all(self, kind: str) -> list[Object]:
        return list(self._rows.get(kind, {}).values())

    def find(self, kind: str, identifier: str | None) -> Object | None:
        return self._rows.get(kind, {}).get(identifier or "")

    def get(self, kind: str, identifier: str, param: str = "id") -> Object:
        """Raises `Refused`: 404 for an id in the path, 400 for an id in a parameter."""
        found = self.find(kind, identifier)
        if found is None:
            raise missing(kind, identifier, param, 404 if param == "id" else 400)
        return found

    def anything(self, identifier: str) -> Object | None:
        for kind, rows in self._rows.items():
            if not kind.startswith("_") and identifier in rows:
                return rows[identifier]
        return None

    def commit(self) -> None:
        changed, self._changed = self._changed, {}
        if not self._file or not changed:
            return
        with self._transaction(self._file) as file:
            for (kind, identifier), thing in changed.items():
                if thing is None:
                    file.execute("DELETE FROM object WHERE kind = ? AND id = ?", (kind, identifier))
                else:
                    file.execute(
                        "INSERT INTO object (kind, id, body) VALUES (?, ?, ?) "
                        "ON CONFLICT (kind, id) DO UPDATE SET body = excluded.body",
                        (kind, identifier, json.dumps(thing)),
                    )

    @contextlib.contextmanager
    def _transaction(self, file: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
        file.execute("BEGIN IMMEDIATE")
        try:
            yield file
        except BaseException:
            file.execute("ROLLBACK")
            raise
        file.execute("COMMIT")

    def close(self) -> None:
        if self._file:
            self._file.close()
