"""A bot's figures over time, as rows without field names, so that a whole year is small."""

from typing import Any, Literal

from django.utils import timezone
from ninja import Schema

from butt.agents.models import Agent
from butt.figures.series import RANGES, series
from butt.figures.spans import FINEST, Span

RangeName = Literal["1h", "24h", "30d", "1y"]
MOST_ROWS = 500
COLUMNS = "at alive memory memoryHigh disk bytesIn bytesOut peers peersHigh messages feeds".split()


class Samples(Schema):
    columns: list[str]
    rows: list[list[Any]]


def samples_shape(bot: Agent, name: RangeName) -> dict[str, Any]:
    span = RANGES[name]
    seen = series(bot.id, span, timezone.now(), span.step)[-MOST_ROWS:]
    return {"columns": COLUMNS, "rows": [_row(s, span.step) for s in seen]}


def _row(span: Span, step: int) -> list[Any]:
    return [
        span.at,
        min(1.0, round(span.count * FINEST / step, 3)),
        span.memory,
        span.memory_high,
        span.disk,
        span.bytes_in,
        span.bytes_out,
        round(span.peers, 2),
        span.peers_high,
        span.messages,
        span.feeds,
    ]
