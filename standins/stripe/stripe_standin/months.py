"""Billing periods."""

from __future__ import annotations

import calendar
from datetime import UTC, datetime

DAY = 86_400
_SECONDS = {"day": DAY, "week": 7 * DAY}


def after(anchor: int, interval: str, count: int, periods: int) -> int:
    """When this many periods after the anchor are over; months end on the anchor's day or on their last."""
    if interval in _SECONDS:
        return anchor + periods * count * _SECONDS[interval]
    start = datetime.fromtimestamp(anchor, UTC)
    months = start.year * 12 + start.month - 1 + periods * count * (12 if interval == "year" else 1)
    year, month = divmod(months, 12)
    day = min(start.day, calendar.monthrange(year, month + 1)[1])
    return int(start.replace(year=year, month=month + 1, day=day).timestamp())


def next_end(anchor: int, interval: str, count: int, start: int) -> int:
    """The end of the period that begins at `start`."""
    periods = 1
    while (end := after(anchor, interval, count, periods)) <= start:
        periods += 1
    return end
