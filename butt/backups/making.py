"""Making a backup while the service runs: all rows as of one moment, from each database in its fastest way."""

import json
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections, transaction
from django.utils import timezone

from butt.backups import ABOUT, FILE, OF_A_FILE, OF_ROWS, ROWS, SECRETS, BackupTrouble
from butt.backups.image import write_image
from butt.backups.tables import Table, tables
from scuttlekit.files import whole_file

SNAPSHOT = "snapshot"

BLOCK = 1 << 20

FAST = 1
"""The compression level. Higher ones take four times as long to save a fifth."""


def make_backup(home: Path, place: Path) -> int:
    """Write a backup to `place`, whole or not at all; returns how many rows it has. Raises `BackupTrouble`."""
    if place.exists():
        raise BackupTrouble(f"{place} already exists. Give another name.")
    try:
        with (
            whole_file(place, lasting=True) as file,
            ZipFile(file, "w", ZIP_DEFLATED, compresslevel=FAST) as archive,
        ):
            is_file = connections[DEFAULT_DB_ALIAS].vendor == "sqlite"
            written = _write_file(archive, home) if is_file else _write_rows(archive)
            for name in SECRETS:
                if (home / name).exists():
                    archive.write(home / name, name)
            about = {
                "format": OF_A_FILE if is_file else OF_ROWS,
                "madeAt": timezone.now().isoformat(),
                "tables": written,
                "schema": schema(),
            }
            archive.writestr(ABOUT, json.dumps(about, indent=1))
    except OSError as error:
        raise BackupTrouble(
            f"The backup cannot be written: {error.strerror}. No partial file is left."
        ) from error
    return sum(table["rows"] for table in written.values())


def schema() -> list[str]:
    """The migrations that were applied to the database."""
    from django.db.migrations.recorder import MigrationRecorder

    applied = MigrationRecorder(connections[DEFAULT_DB_ALIAS]).applied_migrations()
    return sorted(f"{app}.{name}" for app, name in applied)


def newest_schema() -> list[str]:
    """The migrations that a new database of this version gets."""
    from django.db.migrations.loader import MigrationLoader

    migrations = MigrationLoader(None).disk_migrations
    replaced = (key for migration in migrations.values() for key in migration.replaces)
    return sorted(f"{app}.{name}" for app, name in {*migrations, *replaced})


def _write_file(archive: ZipFile, home: Path) -> dict[str, dict[str, Any]]:
    """Write SQLite's database as one part; returns each table's columns and number of rows."""
    ours = tables()
    with tempfile.TemporaryDirectory(prefix="backup-", dir=home) as folder:
        image = Path(folder) / FILE
        try:
            counts = write_image(image, ours)
        except (DatabaseError, sqlite3.Error) as error:
            raise BackupTrouble(
                f"The backup cannot be written: {error}. No partial file is left. A copy of the database needs room in {home}."
            ) from error
        with image.open("rb") as source, archive.open(FILE, "w", force_zip64=True) as part:
            shutil.copyfileobj(source, part, BLOCK)
    return {table.name: {"columns": list(table.columns), "rows": counts[table.name]} for table in ours}


def _write_rows(archive: ZipFile) -> dict[str, dict[str, Any]]:
    """Write PostgreSQL's rows, as it copies them out; returns each table's columns and number of rows."""
    written = {}
    with _snapshot():
        for table in tables():
            count = 0
            with archive.open(f"{ROWS}/{table.name}", "w", force_zip64=True) as part:
                for block in _lines(table):
                    part.write(block)
                    count += block.count(b"\n")
            written[table.name] = {"columns": list(table.columns), "rows": count}
    return written


def _lines(table: Table) -> Iterator[bytes]:
    """Blocks of about `BLOCK` bytes: the driver yields rows one by one, and each write to an archive is costly."""
    some, size = [], 0
    with connections[SNAPSHOT].connection.cursor() as cursor:
        cursor.execute("SET LOCAL TimeZone = 'UTC'")
        cursor.execute("SET LOCAL DateStyle = 'ISO'")
        with cursor.copy(f'COPY "{table.name}" ({table.listed}) TO STDOUT') as copy:
            for row in copy:
                some.append(row)
                size += len(row)
                if size >= BLOCK:
                    yield b"".join(some)
                    some, size = [], 0
    yield b"".join(some)


@contextmanager
def _snapshot() -> Iterator[None]:
    """A separate connection that sees one moment, and keeps nobody from writing."""
    settings = dict(connections.databases[DEFAULT_DB_ALIAS])
    from psycopg import IsolationLevel

    options = {**settings.get("OPTIONS", {}), "isolation_level": IsolationLevel.REPEATABLE_READ}
    connections.databases[SNAPSHOT] = {**settings, "OPTIONS": options}
    try:
        with transaction.atomic(using=SNAPSHOT), connections[SNAPSHOT].wrap_database_errors:
            yield
    finally:
        connections[SNAPSHOT].close()
        del connections[SNAPSHOT]
        del connections.databases[SNAPSHOT]
