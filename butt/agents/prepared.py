"""Queries that run at every call. Their SQL is compiled once, as compiling takes several times as long as
running it. PostgreSQL also plans it only once for each connection.
"""

import json
import threading
import uuid
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from django.db import connection
from django.db.models import QuerySet
from django.db.models.expressions import RawSQL
from django.db.models.query import get_related_populators
from django.db.models.sql import UpdateQuery

if TYPE_CHECKING:
    from butt.postgresql.base import DatabaseWrapper as PostgreSQL

Asked: TypeAlias = uuid.UUID | str | int | datetime


class _Made(threading.local):
    """SQL for this thread's connection: each thread has its own connection, and the SQL was compiled for that one."""

    vendor = sql = ""
    converted: Callable[[list[Any]], Iterable[Any]]

    def __init__(self) -> None:
        self._parameters: list[tuple[int | None, Any]] = []

    def keep(self, made: tuple[str, Sequence[Any]], stand_ins: Sequence[Asked]) -> None:
        self.vendor, (self.sql, parameters) = connection.vendor, made
        places = {_as_kept(value): place for place, value in enumerate(stand_ins)}
        self._parameters = [(places.get(parameter), parameter) for parameter in parameters]

    def parameters(self, asked: Sequence[Asked]) -> list[Any]:
        values = [_as_kept(value) for value in asked]
        return [other if place is None else values[place] for place, other in self._parameters]


class Prepared:
    """A query of which only the compared values change: `query(*stand_ins)` is its `values_list`.

    Each stand-in has the type of the value it stands for, and occurs nowhere else in the query. If it selects only numbers
    and times, say so with `of_numbers`: PostgreSQL then sends them in a form that takes no parsing, which matters for
    thousands of rows.
    """

    def __init__(
        self, query: Callable[..., QuerySet[Any, Any]], *stand_ins: Asked, of_numbers: bool = False
    ) -> None:
        self._query, self._stand_ins, self._mine = query, stand_ins, _Made()
        self._of_numbers = of_numbers

    def __call__(self, *asked: Asked) -> Iterable[Any]:
        """The rows, with the given values in place of the stand-ins."""
        if self._mine.vendor != connection.vendor:
            self._make()
        return self._mine.converted(_rows(self._mine.sql, self._mine.parameters(asked), self._of_numbers))

    def first(self, *asked: Asked) -> Any:
        """The first of these rows, or None."""
        return next(iter(self(*asked)), None)

    def _make(self) -> None:
        compiler = self._query(*self._stand_ins).query.get_compiler(connection=connection)
        self._mine.keep(compiler.as_sql(), self._stand_ins)
        converters = compiler.get_converters([column for column, *_ in compiler.select])
        self._mine.converted = partial(self._converted, compiler, converters)

    def _converted(self, compiler: Any, converters: Any, rows: list[Any]) -> Iterable[Any]:
        return cast("Iterable[Any]", compiler.apply_converters(rows, converters)) if converters else rows


class PreparedModels(Prepared):
    """The same for a query of models, with those of its `select_related` and with its annotations."""

    def _converted(self, compiler: Any, converters: Any, rows: list[Any]) -> Iterable[Any]:
        model, places = compiler.klass_info["model"], compiler.klass_info["select_fields"]
        fields = [compiler.select[place][0].target.attname for place in places]
        begin, end = places[0], places[-1] + 1
        related = cast("Any", get_related_populators)(compiler.klass_info, compiler.select, connection.alias)
        for row in compiler.apply_converters(rows, converters):
            made = model.from_db(connection.alias, fields, row[begin:end])
            for one in related:
                one.populate(row, made)
            for name, place in compiler.annotation_col_map.items():
                setattr(made, name, row[place])
            yield made


class PreparedUpdate:
    """`rows(*stand_ins)` are the rows to update, `change(*stand_ins)` their new values. Otherwise like `Prepared`."""

    def __init__(
        self,
        rows: Callable[..., QuerySet[Any]],
        change: Callable[..., dict[str, Any]],
        *stand_ins: Asked,
    ) -> None:
        self._rows, self._change, self._stand_ins, self._mine = rows, change, stand_ins, _Made()

    def __call__(self, *asked: Asked) -> int:
        """Returns how many rows were changed."""
        if self._mine.vendor != connection.vendor:
            query = cast("UpdateQuery", self._rows(*self._stand_ins).query.chain(UpdateQuery))
            query.add_update_values(self._change(*self._stand_ins))
            self._mine.keep(query.get_compiler(connection=connection).as_sql(), self._stand_ins)
        with connection.cursor() as cursor:
            cursor.execute(self._mine.sql, self._mine.parameters(asked))
            return int(cursor.rowcount)


def among(ids: str) -> RawSQL:
    """To compare a column with any number of ids, which are one value of a query: the text that `text_of` makes."""
    if connection.vendor == "postgresql":
        return RawSQL("SELECT value::uuid FROM json_array_elements_text(%s::json)", (ids,))
    return RawSQL("SELECT value FROM json_each(%s)", (ids,))


def text_of(ids: Iterable[uuid.UUID]) -> str:
    return json.dumps([one.hex for one in ids])


def _rows(sql: str, parameters: list[Any], of_numbers: bool) -> list[Any]:
    if connection.vendor == "postgresql":
        return cast("PostgreSQL", connection).planned(sql, parameters, binary=of_numbers)
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return list(cursor.fetchall())


def _as_kept(value: Asked) -> Asked:
    if isinstance(value, uuid.UUID) and not connection.features.has_native_uuid_field:
        return value.hex
    if isinstance(value, datetime):
        return connection.ops.adapt_datetimefield_value(value) or value
    return value
