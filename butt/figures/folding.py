"""Folding samples of one resolution in the database: a fraction of the work that reading each of them is."""

import uuid
from collections.abc import Collection
from datetime import datetime
from typing import Any

from django.db.models import Aggregate, BigIntegerField, Func, Max, Min, QuerySet, Sum, Value
from django.db.models.functions import Cast

from butt.figures.declared import COLUMNS, KeptFigure, last
from butt.figures.models import Sample


def folded(
    resolution: int,
    step: int,
    figures: Collection[KeptFigure],
    bot_id: uuid.UUID,
    begin: datetime,
    end: datetime,
) -> QuerySet[Sample, Any]:
    """The bot's samples from `begin` until before `end`, merged as `spans.fold` would into periods of `step` seconds: the
    resolution and the fields of a span each, in which the time is that of its last sample. Columns of other figures are null.
    """
    rows = Sample.objects.filter(bot_id=bot_id, resolution=resolution, at__gte=begin, at__lt=end)
    periods = rows.annotate(period=_Seconds("at") / Value(step, BigIntegerField())).values(
        "resolution", "period"
    )
    asked = {column.name for figure in figures for column in figure.columns}
    merged = {
        f"of_{column.name}": _WAYS[column.merge](column.name) if column.name in asked else Value(None)
        for column in COLUMNS
    }
    numbers = {
        name: _Whole(way, BigIntegerField()) for name, way in ({"of_count": Sum("count")} | merged).items()
    }
    return periods.annotate(to=Max("at"), **numbers).values_list("resolution", "to", *numbers)


class _Whole(Cast):
    """A whole number: both databases answer with one, so no row needs another look."""

    def get_db_converters(self, _: Any) -> list[Any]:
        return []


class _Seconds(Func):
    """A time in whole seconds since 1970."""

    output_field = BigIntegerField()
    template = "CAST(FLOOR(DATE_PART('epoch', %(expressions)s)) AS bigint)"

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        template = "CAST(STRFTIME('%%%%s', %(expressions)s) AS bigint)"
        return self.as_sql(compiler, connection, template=template, **context)


class _Last(Aggregate):
    """The value that the last sample has, of those in which it is known."""

    output_field = BigIntegerField()
    template = (
        "(MAX(ARRAY[FLOOR(DATE_PART('epoch', at))::bigint, %(expressions)s])"
        " FILTER (WHERE %(expressions)s IS NOT NULL))[2]"
    )

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        # Times are text. Of several of one length, the last one comes last in the alphabet.
        pairs = "MAX(at || ' ' || %(expressions)s)"
        template = f"SUBSTR({pairs}, LENGTH(MAX(at)) + 2)"
        return self.as_sql(compiler, connection, template=template, **context)


_WAYS: dict[Any, type[Aggregate]] = {sum: Sum, min: Min, max: Max, last: _Last}
