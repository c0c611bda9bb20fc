"""Making a backup while the service runs: all rows as of one moment, of SQLite and PostgreSQL alike."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.utils import timezone

from butt.backups import ABOUT, FORMAT, ROWS, SECRETS, BackupTrouble
from butt.backups.tables import Table, tables
from scuttlekit.files import whole_file

SNAPSHOT = "snapshot"

AT_ONCE = 1_000

FAST = 1
"""The level of compression. Higher ones take four times as long, for a fifth less."""


def make_backup(home: Path, place: Path) -> int:
    """Write a backup to `place`, whole or not at all; how many rows it has. Raises `BackupTrouble`."""
    if place.exists():
        raise BackupTrouble(f"{place} is there already: give another name.")
    try:
        with (
            whole_file(place, lasting=True) as file,
            ZipFile(file, "w", ZIP_DEFLATED, compresslevel=FAST) as archive,
        ):
            written = _write_rows(archive)
            for name in SECRETS:
                if (home / name).exists():
                    archive.write(home / name, name)
            about = {
                "format": FORMAT,
                "madeAt": timezone.now().isoformat(),
                "tables": written,
                "schema": schema(),
            }
            archive.writestr(ABOUT, json.dumps(about, indent=1))
    except OSError as error:
        raise BackupTrouble(
            f"The backup cannot be written: {error.strerror}. Nothing is left of it."
        ) from error
    return sum(table["rows"] for table in written.values())


def schema() -> list[str]:
    """The migrations that the database has seen."""
    from django.db.migrations.recorder import MigrationRecorder

    applied = MigrationRecorder(connections[DEFAULT_DB_ALIAS]).applied_migrations()
    return sorted(f"{app}.{name}" for app, name in applied)


def _write_rows(archive: ZipFile) -> dict[str, dict[str, Any]]:
    """What was written: of each table its columns and how many rows it has."""
    written = {}
    with _snapshot():
        lines = _lines_of_sqlite if connections[SNAPSHOT].vendor == "sqlite" else _lines_of_postgres
        for table in tables():
            count = 0
            with archive.open(f"{ROWS}/{table.name}", "w", force_zip64=True) as part:
                for block in lines(table):
                    part.write(block)
                    count += block.count(b"\n")
            written[table.name] = {"columns": list(table.columns), "rows": count}
    return written


def _lines_of_sqlite(table: Table) -> Iterator[bytes]:
    rows = connections[SNAPSHOT].connection.execute(table.lines_of_sqlite)
    while some := rows.fetchmany(AT_ONCE):
        yield "".join(f"{line}\n" for (line,) in some).encode()


def _lines_of_postgres(table: Table) -> Iterator[bytes]:
    with connections[SNAPSHOT].connection.cursor() as cursor:
        cursor.execute("SET LOCAL TimeZone = 'UTC'")
        cursor.execute("SET LOCAL DateStyle = 'ISO'")
        with cursor.copy(f'COPY "{table.name}" ({table.listed}) TO STDOUT') as copy:
            yield from map(bytes, copy)


@contextmanager
def _snapshot() -> Iterator[None]:
    """A connection of its own that sees one moment, and keeps nobody from writing."""
    settings = dict(connections.databases[DEFAULT_DB_ALIAS])
    options = dict(settings.get("OPTIONS", {}))
    if connections[DEFAULT_DB_ALIAS].vendor == "sqlite":
        options["transaction_mode"] = "DEFERRED"
    else:
        from psycopg import IsolationLevel

        options["isolation_level"] = IsolationLevel.REPEATABLE_READ
    connections.databases[SNAPSHOT] = {**settings, "OPTIONS": options}
    try:
        with transaction.atomic(using=SNAPSHOT), connections[SNAPSHOT].wrap_database_errors:
            yield
    finally:
        connections[SNAPSHOT].close()
        del connections[SNAPSHOT]
        del connections.databases[SNAPSHOT]
