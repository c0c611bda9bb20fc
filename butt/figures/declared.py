"""The figures of bots that are kept over time, each declared once: rows, samples, roll-ups, metrics, charts and the API follow.

Another one is a line here, what the pub says (`scuttlekit.pub.figures`), its bounds in `butt.monitor.watch`, and a migration.
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
        """Gives a number as a person says it."""
        return units.size if self is Unit.BYTES else units.number

    @property
    def base(self) -> int:
        """What a scale counts in."""
        return 1024 if self is Unit.BYTES else 10


class Rolled(Enum):
    """What many sightings become."""

    AVERAGE = auto()
    """Their average, with the lowest and the highest."""
    GROWTH = auto()
    """The pub counts, from its start on: what was added meanwhile."""
    LAST = auto()
    """The last one."""


@dataclass(frozen=True)
class Column:
    """A column of samples, and how those of a stretch of time, in their order, become one."""

    name: str
    merge: Callable[[Sequence[int]], int]
    help: str = ""
    may_be_unknown: bool = False


@dataclass(frozen=True)
class KeptFigure:
    """`said` is where it stands in what the pub says. `metric` and `help` are for Prometheus.

    `chart` names the chart that shows it, `line` its line there, where there are several; no chart without a name.
    `may_be_unknown` says that the pub may not know it yet.
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
                return (Column(self.name, lambda values: values[-1], may_be_unknown=self.may_be_unknown),)

    @property
    def title(self) -> str:
        """What its column in a table is called."""
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

COLUMNS: Final[tuple[Column, ...]] = tuple(column for figure in KEPT_FIGURES for column in figure.columns)
