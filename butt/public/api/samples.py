"""A bot's figures over time, as rows without field names, so that a whole year is small."""

from typing import Any, Literal

from django.utils import timezone
from ninja import Schema

from butt.agents.models import Agent
from butt.figures.declared import KEPT_FIGURES, KeptFigure, Rolled
from butt.figures.series import RANGES, series
from butt.figures.spans import FINEST, Span

RangeName = Literal["1h", "24h", "30d", "1y"]
MOST_ROWS = 500


class Samples(Schema):
    columns: list[str]
    rows: list[list[Any]]


def samples_shape(bot: Agent, name: RangeName) -> dict[str, Any]:
    span = RANGES[name]
    seen = series(bot.id, span, timezone.now(), span.step)[-MOST_ROWS:]
    columns = ["at", "alive", *(name for figure in KEPT_FIGURES for name in _names(figure))]
    return {"columns": columns, "rows": [_row(s, span.step) for s in seen]}


def _names(figure: KeptFigure) -> list[str]:
    return [figure.wire, f"{figure.wire}High"] if figure.rolled is Rolled.AVERAGE else [figure.wire]


def _row(span: Span, step: int) -> list[Any]:
    row: list[Any] = [span.at, min(1.0, round(span.count * FINEST / step, 3))]
    for figure in KEPT_FIGURES:
        value = span.of(figure)
        row.append(round(value, 2) if isinstance(value, float) else value)
        if figure.rolled is Rolled.AVERAGE:
            row.append(span[f"{figure.name}_high"])
    return row
