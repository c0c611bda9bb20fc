"""The network traffic of the month, and whether it is used up.

Months are calendar months in UTC. The count is kept in the file `traffic.json` across restarts. It is written
after much traffic, from time to time, and when the pub stops, so a killed pub loses little of it. The service
that manages the pub may have seen a higher count, and reports it with `butt.traffic`.
"""

import asyncio
import re
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import orjson

from scuttlekit.connection import Traffic
from scuttlekit.errors import RemoteError
from scuttlekit.files import write_whole
from scuttlekit.peer import Peer
from scuttlekit.pub.kept import read_kept
from scuttlekit.pub.limits import Limits
from scuttlekit.pub.log import chatter
from scuttlekit.serving import Handlers

NO_TRAFFIC: Final = "the traffic that this pub may have this month is used up; try again next month"

TICK: Final = 1.0
WRITE_AFTER: Final = 8 << 20
"""The count is written again after this many more bytes."""
WRITE_EVERY: Final = 600.0
"""Seconds after which a changed count is written."""
_MOST: Final = 1 << 53
_MONTH: Final = re.compile(r"\d{4}-(0[1-9]|1[0-2])", re.ASCII)


class MonthlyTraffic:
    """Counts `traffic` by the month of `clock`, in seconds since 1970. Keep `run` running for the life of the pub."""

    def __init__(
        self, folder: Path, traffic: Traffic, limits: Limits, clock: Callable[[], float] = time.time
    ) -> None:
        """Read the earlier count. Raises OSError."""
        self._path = folder / "traffic.json"
        self._traffic = traffic
        self._limits = limits
        self._clock = clock
        self._month = _month_of(clock())
        self._before = (0, 0)
        """The count of this month when the counters of `traffic` were at `_since`."""
        self._since = (traffic.received, traffic.sent)
        self._written = 0
        self._written_at = time.monotonic()
        self._is_told = False
        self._changed: Callable[[], object] = lambda: None
        if (kept := read_kept(self._path, _is_right, "this month's count is lost.")) is not None:
            self._take(kept)

    def on_change(self, act: Callable[[], object]) -> None:
        """Call `act` when the month's traffic is used up, and when it is available again."""
        self._changed = act

    @property
    def used(self) -> tuple[int, int]:
        """Bytes received and sent this month."""
        self._turn()
        return (
            self._before[0] + self._traffic.received - self._since[0],
            self._before[1] + self._traffic.sent - self._since[1],
        )

    @property
    def is_used_up(self) -> bool:
        return sum(self.used) >= self._limits["traffic"]

    def figures(self) -> dict[str, Any]:
        """{month, in, out, most}: the month as YYYY-MM, the others in bytes."""
        came_in, went_out = self.used
        return {"month": self._month, "in": came_in, "out": went_out, "most": self._limits["traffic"]}

    def handlers(self) -> Handlers:
        return {"butt.traffic": self._tell}

    async def run(self) -> None:
        """Watch for the traffic to be used up, and write the count."""
        while True:
            self.look()
            grown = sum(self.used) - self._written
            age = time.monotonic() - self._written_at
            if grown < 0 or grown >= WRITE_AFTER or (grown and age >= WRITE_EVERY):
                with suppress(OSError):
                    # A full disk is no reason to end here; it is tried again.
                    self.write()
            await asyncio.sleep(TICK)

    def look(self) -> None:
        """Report it if the traffic has been used up, or is available again."""
        if self.is_used_up is self._is_told:
            return
        self._is_told = not self._is_told
        if self._is_told:
            self._limits.refuse("traffic")
            chatter(
                "warning",
                "The traffic of this month is used up: only members are served, with messages alone.",
            )
        self._changed()

    def write(self) -> None:
        """Write the count. Raises OSError."""
        came_in, went_out = self.used
        self._written, self._written_at = came_in + went_out, time.monotonic()
        write_whole(self._path, orjson.dumps({"month": self._month, "in": came_in, "out": went_out}))

    def _turn(self) -> None:
        """Reset the count if a new month has begun."""
        month = _month_of(self._clock())
        if month != self._month:
            self._month, self._before = month, (0, 0)
            self._since = (self._traffic.received, self._traffic.sent)

    async def _tell(self, _peer: Peer, asked: Any = None, *_: Any) -> dict[str, Any]:
        if not _is_right(asked):
            raise RemoteError(
                "the traffic of a month must be {month, in, out}: a month like 2026-11, and bytes"
            )
        self._take(asked)
        self.look()
        return self.figures()

    def _take(self, totals: Mapping[str, Any]) -> None:
        """Raise the count to a reported one, if it is of this month."""
        used = self.used
        if totals["month"] == self._month:
            self._before = (max(used[0], totals["in"]), max(used[1], totals["out"]))
            self._since = (self._traffic.received, self._traffic.sent)


def _month_of(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m")


def _is_right(totals: Any) -> bool:
    return (
        isinstance(totals, Mapping)
        and isinstance(totals.get("month"), str)
        and _MONTH.fullmatch(totals["month"]) is not None
        and all(type(totals.get(way)) is int and 0 <= totals[way] <= _MOST for way in ("in", "out"))
    )
