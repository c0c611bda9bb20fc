"""Django loads the engine from a module of this name."""

import select
from collections.abc import Sequence
from typing import Any, Self

from django.db.backends.postgresql import base
from django.db.backends.utils import CursorWrapper
from psycopg import Cursor
from psycopg.pq import Format
from psycopg.types.numeric import Int8Dumper


class DatabaseWrapper(base.DatabaseWrapper):
    def is_usable(self) -> bool:
        """Whether the connection can still be used. Nothing is sent to find out, unless the server has sent something first.

        A server that stops, restarts or ends one connection says so and closes it. Django would send a query
        before the first one of each request, which took a sixth of the time of a small page.
        """
        if self.connection is None or self.connection.closed:
            return False
        unread = select.poll()
        unread.register(self.connection.fileno(), select.POLLIN)
        return not unread.poll(0) or super().is_usable()

    def planned(self, sql: str, parameters: Sequence[Any], *, binary: bool = False) -> list[Any]:
        """The rows of a query that this connection plans only once, whatever its parameters are.

        Django's own cursors put the parameters into the text, so that each set of them would be another query. With
        `binary`, the rows come in PostgreSQL's own form, which is fit for numbers and times.
        """
        cursor = self._planned_cursor()
        if binary:
            cursor.format = Format.BINARY
        with self._wrapped(cursor) as wrapped:
            wrapped.execute(sql, parameters)
            rows: list[Any] = wrapped.fetchall()
            return rows

    def planned_many(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        """Run a statement once for each row of parameters. The connection plans it only once."""
        cursor = self._planned_cursor()
        # Otherwise numbers of another size would make it another statement.
        cursor.adapters.register_dumper(int, Int8Dumper)
        with self._wrapped(cursor) as wrapped:
            wrapped.executemany(sql, rows)

    def _planned_cursor(self) -> "PlannedCursor":
        self.ensure_connection()
        with self.wrap_database_errors:
            return PlannedCursor(self.connection)

    def _wrapped(self, cursor: "PlannedCursor") -> CursorWrapper:
        """Django's wrappers and its log of queries see these queries, too."""
        wrap = self.make_debug_cursor if self.queries_logged else self.make_cursor
        return wrap(cursor)  # type: ignore[arg-type] # as stubs see it, it wraps a wrapped one


class PlannedCursor(Cursor[Any]):
    """Each of its queries is a prepared statement of the connection."""

    def execute(self, query: Any, params: Any = None, **options: Any) -> Self:
        return super().execute(query, params, **{**options, "prepare": True})
