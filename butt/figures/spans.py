"""The arithmetic of samples: spans of time are merged into longer ones, and gaps stay empty."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from operator import attrgetter

from butt.figures.declared import COLUMNS, KEPT_FIGURES, KeptFigure, Rolled, Unit

FINEST = 10
"""How often a bot reports its figures, in seconds, if something changes there."""

MOST = 2**48
"""The highest figure that is accepted: a bot may report anything, and a day's sum must still fit in a row."""


@dataclass(slots=True)
class Span:
    """What was seen from `at` on, in `count` sightings: a value for each of `COLUMNS`, or None if it is not known.

    A sighting that stands for several periods of `FINEST` seconds counts as so many. Never changed; to make a frozen one takes
    three times as long, and there are hundreds for each page.
    """

    at: datetime
    count: int
    values: tuple[int | None, ...]

    def __getitem__(self, column: str) -> int:
        """The value of a column. Raises `KeyError` if it is not known."""
        value = self.values[_PLACES[column]]
        if value is None:
            raise KeyError(column)
        return value

    def of(self, figure: KeptFigure) -> float | None:
        """The value of a figure for people: the average, the growth or the last value. None if it is not known."""
        return of_each((self,), figure)[0]


_PLACES = {column.name: place for place, column in enumerate(COLUMNS)}
FIELDS = ("at", "count", *_PLACES)
"""The fields of a sample that make a span, in order: `Span(at, count, values)`."""


def of_each(spans: Sequence[Span], figure: KeptFigure) -> list[float | None]:
    """What `Span.of` says of each."""
    if figure.rolled is not Rolled.AVERAGE:
        place = _PLACES[figure.name]
        return [span.values[place] for span in spans]
    column = f"{figure.name}_sum"
    averages = [span[column] / span.count for span in spans]
    return [*map(round, averages)] if figure.unit is Unit.BYTES else [*averages]


def floor(at: datetime, seconds: int) -> datetime:
    """The start of the period of `seconds` that contains `at`; days begin at midnight UTC."""
    return datetime.fromtimestamp(int(at.timestamp()) // seconds * seconds, UTC)


def merge(at: datetime, spans: Sequence[Span]) -> Span:
    """Merge `spans`, at least one and in any order, into one that begins at `at`."""
    if len(spans) == 1:
        return Span(at, spans[0].count, spans[0].values)
    ordered = sorted(spans, key=attrgetter("at"))
    columns = zip(_MERGES, zip(*[span.values for span in ordered], strict=True), strict=True)
    merged = [_of_known(way, values) if None in values else way(values) for way, values in columns]
    return Span(at, sum([span.count for span in ordered]), tuple(merged))


_MERGES = [column.merge for column in COLUMNS]


def _of_known(way: Callable[[Sequence[int]], int], values: Sequence[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return way(known) if known else None


def fold(spans: Iterable[Span], seconds: int) -> list[Span]:
    """`spans` merged into periods of `seconds`, the earliest first; periods in which nothing was seen are
    left out.
    """
    stretches: dict[int, list[Span]] = defaultdict(list)
    for span in spans:
        stretches[int(span.at.timestamp()) // seconds].append(span)
    return [
        merge(datetime.fromtimestamp(number * seconds, UTC), stretches[number])
        for number in sorted(stretches)
    ]


_AVERAGED = {f"{figure.name}_sum" for figure in KEPT_FIGURES if figure.rolled is Rolled.AVERAGE}


def lasting(sighting: Span, number: int) -> Span:
    """A single sighting, as one that stands for `number` periods of `FINEST` seconds."""
    if number == 1:
        return sighting
    values = (
        value if value is None or column.name not in _AVERAGED else number * value
        for column, value in zip(COLUMNS, sighting.values, strict=True)
    )
    return Span(sighting.at, number, tuple(values))


def stretches(sighting: Span) -> list[Span]:
    """A sighting that stands for several periods of `FINEST` seconds, as one in each. The last one is its own."""
    number = sighting.count

    def values(place: int) -> Iterable[int | None]:
        for column, value in zip(COLUMNS, sighting.values, strict=True):
            if value is None or column.merge is not sum:
                yield value
            else:
                yield value * (place + 1) // number - value * place // number

    return [
        Span(sighting.at - timedelta(seconds=FINEST * (number - 1 - place)), 1, tuple(values(place)))
        for place in range(number)
    ]


@dataclass(frozen=True, slots=True)
class Counter:
    """The value of a counter that restarts from zero with each process."""

    process: datetime
    value: int


def growth(before: Counter | None, now: Counter) -> int:
    """How much was counted since `before`. If the process is a new one, everything that it counted is new."""
    fresh = before is None or before.process != now.process or now.value < before.value
    return min(MOST, now.value if before is None or fresh else now.value - before.value)
