"""Writing many rows of a table at once, with SQL that is built once: Django builds it again for each row, which took most of
the monitor's time.
"""

import uuid
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

from django.db import connection
from django.db.models import Field, ForeignKey, Model

if TYPE_CHECKING:
    from butt.postgresql.base import DatabaseWrapper as PostgreSQL


class Rows:
    """The columns of `model` that are written, by the names of its fields. The first one, or as many as `keys` says, identify
    a row.
    """

    def __init__(self, model: type[Model], fields: Sequence[str], keys: int = 1) -> None:
        meta = model._meta  # noqa: SLF001 - documented by Django
        self._fields = [cast("Field[Any, Any]", meta.get_field(name)) for name in fields]
        self._table, self._key = f'"{meta.db_table}"', f'"{self._fields[0].column}"'
        self._columns = [f'"{field.column}"' for field in self._fields]
        self._keys = keys

    def update(self, rows: Iterable[Sequence[Any]]) -> None:
        """Update rows that exist: values in the order of the fields."""
        settings = ", ".join(f"{column} = %s" for column in self._columns[1:])
        sql = f"UPDATE {self._table} SET {settings} WHERE {self._key} = %s"  # nosec B608 # noqa: S608 - names of our models
        self._run(sql, ((*values[1:], values[0]) for values in self._kept(rows)))

    def insert(self, rows: Iterable[Sequence[Any]]) -> None:
        """Insert rows; a row that exists stays as it is."""
        self._run(f"{self._insertion()} ON CONFLICT DO NOTHING", self._kept(rows))

    def put(self, rows: Iterable[Sequence[Any]]) -> None:
        """Insert rows; a row that exists is overwritten."""
        keys, others = self._columns[: self._keys], self._columns[self._keys :]
        settings = ", ".join(f"{column} = EXCLUDED.{column}" for column in others)
        sql = f"{self._insertion()} ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {settings}"  # nosec B608 - names of our models
        self._run(sql, self._kept(rows))

    def _insertion(self) -> str:
        places = ", ".join(["%s"] * len(self._columns))
        return f"INSERT INTO {self._table} ({', '.join(self._columns)}) VALUES ({places})"  # nosec B608 # noqa: S608 - names of our models

    def _run(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        if not (values := list(rows)):
            return
        if connection.vendor == "postgresql":
            cast("PostgreSQL", connection).planned_many(sql, values)
        else:
            with connection.cursor() as cursor:
                cursor.executemany(sql, values)

    def _kept(self, rows: Iterable[Sequence[Any]]) -> Iterable[list[Any]]:
        """Values in the form in which the database stores them."""
        ways = [(place, way) for place, field in enumerate(self._fields) if (way := _way_of(field))]
        for row in rows:
            values = list(row)
            for place, way in ways:
                if values[place] is not None:
                    values[place] = way(values[place])
            yield values


def _way_of(field: "Field[Any, Any]") -> Callable[[Any], Any] | None:
    """How to convert a value of this field for the database, if it must be converted."""
    plain = field.target_field if isinstance(field, ForeignKey) else field
    kind = plain.get_internal_type()
    if kind == "DateTimeField":
        return _time
    if kind == "UUIDField" and not connection.features.has_native_uuid_field:
        return _hex
    if kind == "JSONField":
        return _json
    return None


def _time(value: datetime) -> Any:
    return _kept_time(value, connection.vendor)


@lru_cache(maxsize=4096)
def _kept_time(value: datetime, vendor: str) -> Any:  # noqa: ARG001 - each keeps it in its own way
    """Cached: it is called twice for each row, and again and again for the start of a process."""
    return connection.ops.adapt_datetimefield_value(value)


def _hex(value: uuid.UUID) -> str:
    return value.hex


def _json(value: Any) -> Any:
    return connection.ops.adapt_json_value(value, None)
