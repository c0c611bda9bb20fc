"""Django loads the engine from a module of this name."""

import select
from collections.abc import Sequence
from typing import Any

from django.db.backends.postgresql import base
from psycopg import Cursor


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
        with self.cursor(), self.wrap_database_errors, Cursor(self.connection) as cursor:
            return cursor.execute(sql, parameters, prepare=True, binary=binary).fetchall()
