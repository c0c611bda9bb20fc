"""A SQLite database in a backup: its file, written and put in place by SQLite itself.

Rows of the file can also be read as lines for PostgreSQL: see `butt.backups.tables`.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from django.db import DEFAULT_DB_ALIAS, connections

from butt.backups.tables import Table, names_of_fleeting

IMAGE = "image"
"""The alias by which Django knows the file while it is restored."""

AT_ONCE = 1_000


def write_image(target: Path, ours: list[Table]) -> dict[str, int]:
    """Write everything the database has at one moment to `target`; returns how many rows each table has.

    Others can write meanwhile. The file contains neither deleted data nor sessions.
    """
    with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute("VACUUM INTO %s", [str(target)])
    with closing(sqlite3.connect(target, isolation_level=None)) as image:
        # Nobody uses the file yet: if this is interrupted, it is thrown away.
        image.execute("PRAGMA journal_mode = OFF")
        image.execute("PRAGMA synchronous = OFF")
        image.execute("PRAGMA secure_delete = ON")
        for name in names_of_fleeting():
            image.execute(f'DELETE FROM "{name}"')  # noqa: S608 # nosec B608 # names of our own models
        return _counts(image, ours)


@contextmanager
def opened(place: Path) -> Iterator[sqlite3.Connection]:
    """The file as a Django database with the alias `IMAGE`, and its connection. Nothing written to it has to last."""
    settings = connections.databases[DEFAULT_DB_ALIAS]
    options = {"init_command": "PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF;"}
    backend = "django.db.backends.sqlite3"
    connections.databases[IMAGE] = {**settings, "ENGINE": backend, "NAME": str(place), "OPTIONS": options}
    try:
        connections[IMAGE].ensure_connection()
        yield connections[IMAGE].connection
    finally:
        connections[IMAGE].close()
        del connections[IMAGE]
        del connections.databases[IMAGE]


def counts_of_image(ours: list[Table]) -> dict[str, int]:
    """How many rows each table of the opened file has."""
    return _counts(connections[IMAGE].connection, ours)


def lines_of_image(table: Table) -> Iterator[bytes]:
    """The rows of a table of the opened file, as PostgreSQL's COPY reads them."""
    rows = connections[IMAGE].connection.execute(table.lines_of_sqlite)
    while some := rows.fetchmany(AT_ONCE):
        yield "".join(f"{line}\n" for (line,) in some).encode()


def put_in_place() -> None:
    """Replace the service's database with the opened file, whole or not at all. Raises Django's `DatabaseError`.

    It fails if another program has that database open.
    """
    connection = connections[DEFAULT_DB_ALIAS]
    connection.ensure_connection()
    with connection.wrap_database_errors:
        target: sqlite3.Connection = connection.connection
        # Pages go straight to their places: with a log they would be written twice.
        target.execute("PRAGMA journal_mode = DELETE")
        connections[IMAGE].connection.backup(target)
        target.execute("PRAGMA journal_mode = WAL")


def _counts(database: sqlite3.Connection, ours: list[Table]) -> dict[str, int]:
    return {
        table.name: database.execute(f'SELECT count(*) FROM "{table.name}"').fetchone()[0]  # noqa: S608 # nosec B608 # names of our own models
        for table in ours
    }
