"""Loading the rows of a backup, a table at a time, into either database."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.apps import apps
from django.core.management.color import no_style
from django.db import connection

from butt.backups import BackupTrouble
from butt.backups.tables import Table, tables

CACHE = 256 * 1024
"""KiB of a SQLite database that are kept in memory meanwhile: rows arrive in no index order."""


def check_tables(ours: list[Table], written: dict[str, Any]) -> None:
    if {table.name: list(table.columns) for table in ours} != {
        name: table["columns"] for name, table in written.items()
    }:
        raise BackupTrouble("This backup has other tables than this version: restore it with that version.")


def checked_count(name: str, count: int, written: dict[str, Any]) -> int:
    expected = int(written[name]["rows"])
    if count != expected:
        raise BackupTrouble(f"This backup has {count} rows of {name} and should have {expected}.")
    return count


def load_tables(written: dict[str, Any], lines: Callable[[Table], Iterator[bytes]]) -> int:
    ours = tables()
    check_tables(ours, written)
    copy_in = _into_sqlite if connection.vendor == "sqlite" else _into_postgres
    with _made_afterwards(ours):
        total = sum(checked_count(table.name, copy_in(table, lines(table)), written) for table in ours)
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(
            no_style(), apps.get_models(include_auto_created=True)
        ):
            cursor.execute(statement)
    return total


def _lines(blocks: Iterator[bytes]) -> Iterator[str]:
    """Only a newline ends a row; Python knows other line ends, too."""
    rest = b""
    for block in blocks:
        *whole, rest = (rest + block).split(b"\n")
        for line in whole:
            yield line.decode()
    if rest:
        yield rest.decode()


def _into_sqlite(table: Table, blocks: Iterator[bytes]) -> int:
    values = ", ".join("?" * len(table.columns))
    sql = f'INSERT INTO "{table.name}" ({table.listed}) VALUES ({values})'  # noqa: S608 # nosec B608 # names of our own models
    rows = table.rows_for_sqlite(_lines(blocks))
    return max(0, int(connection.connection.executemany(sql, rows).rowcount))


def _into_postgres(table: Table, blocks: Iterator[bytes]) -> int:
    with connection.connection.cursor() as cursor:
        with cursor.copy(f'COPY "{table.name}" ({table.listed}) FROM STDIN') as copy:
            for block in blocks:
                copy.write(block)
        return int(cursor.rowcount)


@contextmanager
def _made_afterwards(ours: list[Table]) -> Iterator[None]:
    """Indexes, and PostgreSQL's foreign keys, are made in one go after the rows are there, as pg_restore does."""
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
