"""Rows that another part of the service would write, made from its models, so that new columns have their defaults here as
well.
"""

import sqlite3
from contextlib import closing
from pathlib import Path

from django.db import connection
from django.db.models import Model
from django.db.models.expressions import DatabaseDefault


def insert(database: Path, *rows: Model) -> None:
    """Insert them, in this order, into the SQLite of a service that may be running."""
    with closing(sqlite3.connect(database, timeout=20)) as file, file:
        for row in rows:
            columns = _columns_of(row)
            slots = ", ".join("?" * len(columns))
            names = ", ".join(f'"{name}"' for name in columns)
            statement = f'INSERT INTO "{row._meta.db_table}" ({names}) VALUES ({slots})'
            file.execute(statement, tuple(columns.values()))


def _columns_of(row: Model) -> dict[str, object]:
    """Django's connection is used only to convert values for SQLite; it is not opened. Columns with a database default are left
    out.
    """
    values = {field: getattr(row, field.attname) for field in row._meta.concrete_fields}
    return {
        field.column: field.get_db_prep_save(value, connection)
        for field, value in values.items()
        if not isinstance(value, DatabaseDefault) and not (field.primary_key and value is None)
    }
