"""Leases: rows that several workers share without a queue. One worker at a time works on each row.

A row has a time, such as when it is due. A worker claims the row by moving that time ahead, to the end of its
lease. Only one worker can do so, as the update requires the time that was read. If the worker is killed, its
lease ends by itself. A worker that is done sets when to come back, or frees the row.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, cast

from django.db import connection, transaction
from django.db.models import Field, Min, Model, Q
from django.utils import timezone

MARGIN = timedelta(minutes=1)
"""How much later than `now` somebody else may have read the clock: a worker may have to wait between reading the clock and
asking the database, and the clocks of two machines differ.
"""


def due(field: str, now: datetime, furthest: timedelta) -> Q:
    """Rows whose time in `field` has come, or is further ahead than anybody sets it.

    The latter were set while the clock was ahead, as before it is synchronised when the network comes up:
    what should wait a minute would wait a day. `furthest` is how far ahead of the clock others set it. Without
    the `MARGIN`, a lease that somebody else begins or renews at this moment would look like one of these.
    """
    return Q(**{f"{field}__lte": now}) | Q(**{f"{field}__gt": now + furthest + MARGIN})


def free(field: str, before: datetime) -> Q:
    """Rows that nobody has claimed, or whose lease in `field` ended before this time."""
    return Q(**{field: None}) | Q(**{f"{field}__lt": before})


def claim(row: Model, field: str, until: datetime | None, **still: object) -> bool:
    """Move the row's time from what was read to `until`. Returns False if somebody else has moved it since.

    `still` lists other fields that must still have these values. Use this to claim a row, renew a lease, or
    free the row (None).
    """
    # Django's query builder would take most of the time, and there are two updates for each step of the steward.
    meta, same = row._meta, {**still, "pk": row.pk, field: getattr(row, field)}  # noqa: SLF001 - documented by Django
    conditions, values = list[str](), [_stored(_field(row, field), until)]
    for name, value in same.items():
        asked = _field(row, name)
        conditions.append(f'"{asked.column}" IS NULL' if value is None else f'"{asked.column}" = %s')
        values += [] if value is None else [_stored(asked, value)]
    sql = f'UPDATE "{meta.db_table}" SET "{_field(row, field).column}" = %s WHERE {" AND ".join(conditions)}'  # nosec B608 # noqa: S608 - names of our models
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        if not cursor.rowcount:
            return False
    setattr(row, field, until)
    return True


def seconds_until_due(model: type[Model], field: str, soonest: float, latest: float) -> float:
    """Seconds until the first row of the model is due, within these bounds. Without rows it is `latest`."""
    first = model._default_manager.aggregate(first=Min(field))["first"]  # noqa: SLF001 - documented by Django
    seconds = (first - timezone.now()).total_seconds() if first else latest
    return min(max(seconds, soonest), latest)


def come_back_together(rows: Sequence[tuple[Model, datetime]], field: str) -> int:
    """Set when each of these rows is due again, unless somebody has moved it since it was read. Returns how many were set.

    None of them need be claimed.
    """
    if not rows:
        return 0
    meta, asked = rows[0][0]._meta, _field(rows[0][0], field)  # noqa: SLF001 - documented by Django
    sql = f'UPDATE "{meta.db_table}" SET "{asked.column}" = %s WHERE "{meta.pk.column}" = %s AND "{asked.column}" = %s'  # nosec B608 # noqa: S608 - names of our models
    values = [
        [_stored(asked, at), _stored(meta.pk, row.pk), _stored(asked, getattr(row, field))]
        for row, at in rows
    ]
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.executemany(sql, values)
        return int(cursor.rowcount)


def _field(row: Model, name: str) -> "Field[Any, Any]":
    meta = row._meta  # noqa: SLF001 - documented by Django
    return cast("Field[Any, Any]", meta.pk if name == "pk" else meta.get_field(name))


def _stored(field: "Field[Any, Any]", value: object) -> Any:
    """The value as the database stores it."""
    return field.get_db_prep_value(value, connection)


def come_back(row: Model, field: str, at: datetime) -> None:
    """End a lease: the row is due at `at`, or at once if somebody asked for it in the meantime."""
    claim(row, field, at)
