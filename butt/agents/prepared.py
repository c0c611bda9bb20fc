"""Queries that are asked at every call: their SQL is made once, which takes several times as long as to run it."""

import threading
import uuid
from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

from django.db import connection
from django.db.models import QuerySet

Asked: TypeAlias = uuid.UUID | str


class Prepared:
    """`query(*stand_ins)` is a `values_list`, the same but for the values that it compares with.

    The stand-ins are values of the same types, each in no other place of the query.
    """

    def __init__(self, query: Callable[..., QuerySet[Any, Any]], *stand_ins: Asked) -> None:
        self._query, self._stand_ins = query, stand_ins
        # A connection belongs to a thread, and so does what was made by it.
        self._mine = threading.local()

    def __call__(self, *asked: Asked) -> Iterable[Any]:
        """The rows, with each stand-in's value in its place."""
        if getattr(self._mine, "vendor", None) != connection.vendor:
            self._make()
        values = [_as_kept(value) for value in asked]
        with connection.cursor() as cursor:
            cursor.execute(
                self._mine.sql,
                [other if place is None else values[place] for place, other in self._mine.parameters],
            )
            return self._mine.converted(cursor.fetchall())  # type: ignore[no-any-return]

    def _make(self) -> None:
        compiler = self._query(*self._stand_ins).query.get_compiler(connection=connection)
        sql, parameters = compiler.as_sql()
        places = {_as_kept(value): place for place, value in enumerate(self._stand_ins)}
        converters = compiler.get_converters([column for column, *_ in compiler.select])
        self._mine.sql = sql
        self._mine.parameters = [(places.get(parameter), parameter) for parameter in parameters]
        self._mine.converted = lambda rows: compiler.apply_converters(rows, converters)
        self._mine.vendor = connection.vendor


def _as_kept(value: Asked) -> Asked:
    if isinstance(value, uuid.UUID) and not connection.features.has_native_uuid_field:
        return value.hex
    return value
