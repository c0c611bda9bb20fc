"""The figures of bots that are kept over time. Each is declared once: rows, roll-ups, metrics, charts and the API follow.

To add one, add it here and to what the pub reports (`scuttlekit.pub.figures`), bound it in `butt.monitor.bot_figures`, and make a
migration.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from butt.figures import units


class Unit(Enum):
    BYTES = auto()
    COUNT = auto()

    @property
    def say(self) -> Callable[[float], str]:
        """Formats a number for people."""
        return units.size if self is Unit.BYTES else units.number

    @property
    def base(self) -> int:
        """The base of round numbers on a scale."""
        return 1024 if self is Unit.BYTES else 10


class Rolled(Enum):
    """How many sightings become one."""

    AVERAGE = auto()
    """Their average, with the lowest and the highest value."""
    GROWTH = auto()
    """The pub counts from its start on; what is kept is by how much the count grew."""
    LAST = auto()
    """The last value."""


def last(values: Sequence[int]) -> int:
    return values[-1]


@dataclass(frozen=True)
class Column:
    """A column of samples. `merge` makes one value of those of a stretch of time, in their order."""

    name: str
    merge: Callable[[Sequence[int]], int]
    help: str = ""
    may_be_unknown: bool = False


@dataclass(frozen=True)
class KeptFigure:
    """`said` is the attribute of what the pub reports. `metric` and `help` are for Prometheus.

    `chart` names the chart that shows it; without a name there is none. `line` names its line, if the chart has several.
    `may_be_unknown` says whether the pub may not know it yet.
    """

    name: str
    unit: Unit
    rolled: Rolled
    said: str
    metric: str
    help: str
    chart: str = ""
    line: str = ""
    may_be_unknown: bool = False

    @property
    def columns(self) -> tuple[Column, ...]:
        match self.rolled:
            case Rolled.AVERAGE:
                merges: dict[str, Callable[[Sequence[int]], int]] = {"sum": sum, "low": min, "high": max}
                return tuple(Column(f"{self.name}_{kind}", merge) for kind, merge in merges.items())
            case Rolled.GROWTH:
                return (Column(self.name, sum, help="Those that came within this time."),)
            case Rolled.LAST:
                return (Column(self.name, last, may_be_unknown=self.may_be_unknown),)

    @property
    def title(self) -> str:
        """The heading of its column in a table."""
        return self.line or self.name

    @property
    def wire(self) -> str:
        """Its name in the API."""
        first, *rest = self.name.split("_")
        return first + "".join(word.capitalize() for word in rest)


KEPT_FIGURES: Final[tuple[KeptFigure, ...]] = (
    KeptFigure(
        "memory",
        Unit.BYTES,
        Rolled.AVERAGE,
        said="memory",
        metric="butt_bot_memory_bytes",
        help="Resident memory.",
        chart="memory",
    ),
    KeptFigure(
        "disk",
        Unit.BYTES,
        Rolled.LAST,
        said="disk",
        metric="butt_bot_disk_bytes",
        help="The data folder.",
        chart="disk",
        may_be_unknown=True,
    ),
    KeptFigure(
        "bytes_in",
        Unit.BYTES,
        Rolled.GROWTH,
        said="bytesIn",
        metric="butt_bot_received_bytes",
        help="Over TCP, since its first day.",
        chart="bandwidth",
        line="in",
    ),
    KeptFigure(
        "bytes_out",
        Unit.BYTES,
        Rolled.GROWTH,
        said="bytesOut",
        metric="butt_bot_sent_bytes",
        help="Over TCP, since its first day.",
        chart="bandwidth",
        line="out",
    ),
    KeptFigure(
        "peers",
        Unit.COUNT,
        Rolled.AVERAGE,
        said="peers.all",
        metric="butt_bot_peers",
        help="Connected now.",
        chart="peers",
    ),
    KeptFigure(
        "messages",
        Unit.COUNT,
        Rolled.LAST,
        said="messages",
        metric="butt_bot_messages",
        help="In its log.",
    ),
    KeptFigure(
        "feeds",
        Unit.COUNT,
        Rolled.LAST,
        said="feeds",
        metric="butt_bot_feeds",
        help="In its log.",
    ),
)

GROWING: Final = tuple(figure for figure in KEPT_FIGURES if figure.rolled is Rolled.GROWTH)
"""The figures that a pub counts from its start on."""

COLUMNS: Final[tuple[Column, ...]] = tuple(column for figure in KEPT_FIGURES for column in figure.columns)
