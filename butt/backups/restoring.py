"""Restoring a backup into a service that knows nobody yet. The bots' folders may be there: their own guards hold."""

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any
from zipfile import BadZipFile, ZipFile

from django.apps import apps
from django.core.management.color import no_style
from django.db import DatabaseError, connection, transaction

from butt.agents.models import Agent, Observed
from butt.backups import ABOUT, FORMAT, IDENTITY, ROWS, SECRETS, BackupTrouble
from butt.backups.first_format import FIRST_FORMAT, load_first_format
from butt.backups.making import schema
from butt.backups.tables import Table, tables
from scuttlekit.files import write_whole

LONGEST_SECRET = 64 * 1024
BLOCK = 1 << 20
CACHE = 256 * 1024
"""KiB of a SQLite database that are kept in memory meanwhile: rows come in the order of no index."""


def restore_backup(home: Path, place: Path) -> int:
    """Bring a backup back, whole or not at all; how many rows it has. Raises `BackupTrouble`."""
    try:
        with ZipFile(place) as archive:
            about = _checked(archive)
            secrets = {name: _small(archive, name) for name in SECRETS if name in archive.namelist()}
            _refuse_what_is_not_empty(home, secrets)
            for name, content in secrets.items():
                write_whole(home / name, content, lasting=True)
            count = _load(archive, about)
    except (OSError, BadZipFile, KeyError, ValueError, EOFError) as error:
        raise BackupTrouble(f"{place} is no backup that can be read: {error}") from error
    return count


def _checked(archive: ZipFile) -> dict[str, Any]:
    about: dict[str, Any] = json.loads(_small(archive, ABOUT))
    if about["format"] not in {FIRST_FORMAT, FORMAT}:
        raise BackupTrouble(
            "This backup was made by another version of the service: restore it with that one."
        )
    here, there = set(schema()), set(about["schema"])
    if here != there:
        other = "older" if there < here else "newer" if here < there else "different"
        raise BackupTrouble(
            f"This backup was made by a version whose tables are {other}: restore it with that version, then upgrade."
        )
    if damaged := archive.testzip():
        raise BackupTrouble(f"This backup is damaged, in its part {damaged}.")
    return about


def _refuse_what_is_not_empty(home: Path, secrets: dict[str, bytes]) -> None:
    if Agent.objects.exists():
        raise BackupTrouble("This service has people and bots already: restore into an empty database.")
    # The other two are made anew at any start; this one makes its owner the master of bots.
    with suppress(FileNotFoundError):
        if (home / IDENTITY).read_bytes() != secrets.get(IDENTITY):
            raise BackupTrouble(
                f"{home / IDENTITY} is there and is another than the backup's: move it away, or give another --home."
            )


def _load(archive: ZipFile, about: dict[str, Any]) -> int:
    """All rows, in one transaction; how many there are."""
    try:
        with _keys_checked_afterwards(), transaction.atomic(), connection.wrap_database_errors:
            if about["format"] == FIRST_FORMAT:
                count = load_first_format(archive, about["rows"])
            else:
                count = _load_tables(archive, about["tables"])
            # That they answered then says nothing of now.
            Observed.objects.update(alive=False)
            connection.check_constraints()
    except DatabaseError as error:
        raise BackupTrouble(
            f"A row of this backup cannot be restored: {error}. Nothing was changed."
        ) from error
    return count


@contextmanager
def _keys_checked_afterwards() -> Iterator[None]:
    """SQLite looks foreign keys up row by row otherwise, which takes a third of the time."""
    if connection.vendor != "sqlite":
        yield
        return
    with connection.constraint_checks_disabled():
        yield


def _load_tables(archive: ZipFile, written: dict[str, Any]) -> int:
    ours = tables()
    if {table.name: list(table.columns) for table in ours} != {
        name: table["columns"] for name, table in written.items()
    }:
        raise BackupTrouble("This backup has other tables than this version: restore it with that version.")
    copy_in = _into_sqlite if connection.vendor == "sqlite" else _into_postgres
    total = 0
    with _made_afterwards(ours):
        for table in ours:
            with archive.open(f"{ROWS}/{table.name}") as part:
                count = copy_in(table, part)
            expected = int(written[table.name]["rows"])
            if count != expected:
                raise BackupTrouble(
                    f"This backup has {count} rows of {table.name} and should have {expected}."
                )
            total += count
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(
            no_style(), apps.get_models(include_auto_created=True)
        ):
            cursor.execute(statement)
    return total


def _into_sqlite(table: Table, part: IO[bytes]) -> int:
    lines = io.TextIOWrapper(part, "utf-8", newline="\n")
    values = ", ".join("?" * len(table.columns))
    sql = f'INSERT INTO "{table.name}" ({table.listed}) VALUES ({values})'  # noqa: S608 # nosec B608 # names of our own models
    return max(0, int(connection.connection.executemany(sql, table.rows_for_sqlite(lines)).rowcount))


def _into_postgres(table: Table, part: IO[bytes]) -> int:
    with connection.connection.cursor() as cursor:
        with cursor.copy(f'COPY "{table.name}" ({table.listed}) FROM STDIN') as copy:
            while block := part.read(BLOCK):
                copy.write(block)
        return int(cursor.rowcount)


@contextmanager
def _made_afterwards(ours: list[Table]) -> Iterator[None]:
    """Indexes, and PostgreSQL's foreign keys, are made after the rows are there, at once, as pg_restore does it."""
    names = [table.name for table in ours]
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute(f"PRAGMA cache_size = {-CACHE}")
            cursor.execute(_INDEXES_OF_SQLITE)
            made = [(name, sql) for name, table, sql in cursor.fetchall() if table in names]
            for name, _ in made:
                cursor.execute(f'DROP INDEX "{name}"')
            yield
            for _, sql in made:
                cursor.execute(sql)
        return
    with connection.cursor() as cursor:
        cursor.execute(_FOREIGN_KEYS, [names])
        keys = cursor.fetchall()
        cursor.execute(_INDEXES, [names])
        indexes = cursor.fetchall()
        for table, name, _ in keys:
            cursor.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"')
        for name, _ in indexes:
            cursor.execute(f"DROP INDEX {name}")
    yield
    with connection.cursor() as cursor:
        for _, definition in indexes:
            cursor.execute(definition)
        for table, name, definition in keys:
            cursor.execute(f'ALTER TABLE {table} ADD CONSTRAINT "{name}" {definition}')


_INDEXES_OF_SQLITE = """
SELECT name, tbl_name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL
"""
_FOREIGN_KEYS = """
SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
WHERE contype = 'f' AND conrelid::regclass::text = ANY(%s)
"""
_INDEXES = """
SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index
WHERE indrelid::regclass::text = ANY(%s) AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)
"""


def _small(archive: ZipFile, name: str) -> bytes:
    if archive.getinfo(name).file_size > LONGEST_SECRET and name != ABOUT:
        raise BackupTrouble(f"This backup's {name} is larger than any.")
    return archive.read(name)
