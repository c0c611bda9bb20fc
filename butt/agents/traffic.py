"""A bot's network traffic this month, as its pub counts it. Months are calendar months in UTC."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final

_DECEMBER: Final = 12


@dataclass(frozen=True)
class TrafficOfMonth:
    """Bytes received and sent in the month that begins on `since`; `most` bounds their sum, None if there is
    no bound.
    """

    since: date
    came_in: int
    went_out: int
    most: int | None

    @property
    def month(self) -> str:
        """For example `2026-11`."""
        return f"{self.since:%Y-%m}"

    @property
    def total(self) -> int:
        return self.came_in + self.went_out

    @property
    def ends(self) -> date:
        """The first day of the next month, when the count starts again."""
        if self.since.month == _DECEMBER:
            return date(self.since.year + 1, 1, 1)
        return date(self.since.year, self.since.month + 1, 1)


def month_of(now: datetime) -> str:
    """The month of `now`, for example `2026-11`."""
    return f"{now.astimezone(UTC):%Y-%m}"


def in_month(seen: Mapping[str, Any] | None, most: int | None, now: datetime) -> TrafficOfMonth | None:
    """The traffic in the month of `now`, from what was last seen: zero if that was another month, None if
    nothing was seen.
    """
    if seen is None:
        return None
    since = now.astimezone(UTC).date().replace(day=1)
    is_this = seen["month"] == month_of(now)
    return TrafficOfMonth(since, seen["in"] if is_this else 0, seen["out"] if is_this else 0, most)


def merged(known: Mapping[str, Any] | None, reported: dict[str, Any]) -> tuple[dict[str, Any], bool]:
    """What is known after a pub reported its count, and whether it reported less than was known of the same
    month.

    A pub that was killed, moved, or started from a copy of its data forgets some traffic; what is known never
    goes down.
    """
    if known is None or known["month"] != reported["month"]:
        return reported, False
    more = {way: max(known[way], reported[way]) for way in ("in", "out")}
    return {**reported, **more}, any(reported[way] < more[way] for way in more)


def percent(seen: Mapping[str, Any]) -> int:
    """The percentage used of the traffic allowed in a month."""
    return int(min(100, 100 * (seen["in"] + seen["out"]) // max(seen["most"], 1)))
