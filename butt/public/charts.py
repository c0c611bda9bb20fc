"""Charts as lines of an SVG: where each point lies, and where the scale ends. They know nothing of bots."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import chain, pairwise

WIDTH, HEIGHT = 600, 120
GAP = 2.5
"""A line is broken if a point is this many steps after the previous one: nothing was seen in between."""

Point = tuple[float, float | None]
"""Where it lies in time, as `Window.x` says, and its value."""


@dataclass(frozen=True)
class Window:
    """The period that a chart shows, and the distance between its points."""

    begin: datetime
    end: datetime
    step: timedelta

    def x(self, at: datetime) -> float:
        share = (at - self.begin) / (self.end - self.begin)
        return round(min(1, max(0, share)) * WIDTH, 1)

    @property
    def gap(self) -> float:
        """How far apart points are between which a line is broken."""
        return GAP * WIDTH * (self.step / (self.end - self.begin))


@dataclass(frozen=True)
class ChartLine:
    name: str
    path: str


@dataclass(frozen=True)
class Chart:
    """`cells` are the columns of the table with the same values. `top` is the end of the scale, if there are values, and `said`
    describes the lines in readable units.
    """

    name: str
    cells: list[int]
    top: str
    said: str
    lines: list[ChartLine]

    @property
    def id(self) -> str:
        return self.name.replace(" ", "-")


def chart(
    name: str,
    cells: list[int],
    lines: Mapping[str, Iterable[Point]],
    window: Window,
    *,
    say: Callable[[float], str],
    base: int,
) -> Chart:
    """A chart of one or more lines on one scale that starts at zero; `base` is 1024 for sizes and 10 for counts."""
    known = {line: [(x, v) for x, v in points if v is not None] for line, points in lines.items()}
    top = ceiling(max((v for points in known.values() for _, v in points), default=0), base)
    return Chart(
        name=name,
        cells=cells,
        top=say(top) if any(known.values()) else "nothing was seen",
        said="; ".join(f"{line}: {_said([v for _, v in points], say)}" for line, points in known.items()),
        lines=[ChartLine(line, _path(points, window, top)) for line, points in known.items()],
    )


def ceiling(most: float, base: int) -> float:
    """The next round number from `most` up: 1, 2 or 5 times a power of ten, in the unit that fits."""
    unit = 1
    while base == 1024 and most > 1000 * unit:  # noqa: PLR2004
        unit *= base
    digits = 1
    while True:
        for first in (1, 2, 5):
            if first * digits * unit >= most:
                return first * digits * unit
        digits *= 10


def _said(values: Sequence[float], say: Callable[[float], str]) -> str:
    if not values:
        return "nothing was seen"
    return f"{say(min(values))} to {say(max(values))}, now {say(values[-1])}"


def _path(points: Sequence[tuple[float, float]], window: Window, top: float) -> str:
    """A line from point to point, broken at gaps; a point between two gaps is a dot."""
    if not points:
        return ""
    share, places = HEIGHT / top, tuple(x for x, _ in points)
    heights = [f"{HEIGHT - share * value:.1f}" for _, value in points]
    return "".join([*chain.from_iterable(zip(_starts(places, window.gap), heights, strict=True)), "h.1"])


@lru_cache(maxsize=4)
def _starts(places: tuple[float, ...], gap: float) -> list[str]:
    """How the way to each of these places is drawn. Cached: the lines of one page mostly have the same places."""
    joins = ["L" if x - before <= gap else "h.1M" for before, x in pairwise(places)]
    return [f"{join}{x:g} " for join, x in zip(["M", *joins], places, strict=True)]
