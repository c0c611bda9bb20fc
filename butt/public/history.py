"""The charts and the table of a bot's figures over time, and what happened to it meanwhile."""

import hashlib
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import groupby

from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from butt.agents import journal
from butt.agents.models import JournalEntry
from butt.agents.states import State
from butt.agents.view import View
from butt.figures.declared import KEPT_FIGURES, KeptFigure, Rolled
from butt.figures.series import RANGES, TimeRange, series
from butt.figures.spans import Span, floor, of_each
from butt.public.chart_figure import chart_figure, event_marks
from butt.public.charts import WIDTH, Chart, Window, chart
from butt.public.figure_table import Row, table_rows
from butt.public.templatetags.units import UNKNOWN

EVENTS = {
    f"#{State.STARTING}": "started",
    f"#{State.STOPPING}": "stopped",
    f"#{State.BROKEN}": "broke",
    f"#{State.UPGRADING}": "upgraded",
}
CHARTED = tuple(figure for figure in KEPT_FIGURES if figure.chart)
"""The columns of the table: the charts show the same."""


@dataclass(frozen=True)
class StatusEvent:
    x: float
    at: datetime
    what: str


class FigureHistory:
    """What the page shows of a time range that ends at most a pixel of the charts before `now`. Samples are read only if it
    is drawn.

    `key` changes whenever something else would be drawn, so a page keeps what was drawn for it.
    """

    def __init__(
        self,
        bot_id: uuid.UUID,
        seen_at: datetime | None,
        span: TimeRange,
        now: datetime,
        happened: list[JournalEntry],
    ) -> None:
        self._bot_id, self._seen_at, self._span, self._now = bot_id, seen_at, span, now
        self._end = floor(now.astimezone(UTC), span.seconds // WIDTH)
        self._window = Window(span.begins(self._end), self._end, timedelta(seconds=span.coarse))
        self.begin = self._window.begin
        self.by_day = span.seconds > RANGES["24h"].seconds
        self.begins = f"{self.begin:{'%-d %b %Y' if self.by_day else '%H:%M UTC'}}"
        self.heads = [figure.title for figure in CHARTED]
        self.events = [StatusEvent(self._window.x(e.at), e.at, EVENTS[e.what]) for e in happened]

    @property
    def key(self) -> str:
        shown = self._bot_id, self._span, self._end, self._seen_at, self.events
        return hashlib.sha256(repr(shown).encode()).hexdigest()

    @cached_property
    def _seen(self) -> list[Span]:
        return series(self._bot_id, self._span, self._now, self._span.coarse, self.begin, CHARTED)

    def figures(self) -> SafeString:
        """All charts."""
        marks = event_marks((event.x, f"{event.at:%-d %b %H:%M}", event.what) for event in self.events)
        drawn = (chart_figure(chart, marks, self.begins) for chart in self._charts())
        return format_html_join("", "{}", ((figure,) for figure in drawn))

    def _charts(self) -> list[Chart]:
        charts = []
        for name, group in groupby(CHARTED, key=lambda figure: figure.chart):
            figures = list(group)
            lines = {figure.title: zip(self._places, self._values[figure], strict=True) for figure in figures}
            cells = [CHARTED.index(figure) + 1 for figure in figures]
            say = _say(figures[0])
            charts.append(chart(name, cells, lines, self._window, say=say, base=figures[0].unit.base))
        return charts

    @cached_property
    def _values(self) -> dict[KeptFigure, Sequence[float | None]]:
        """Growth is shown per second."""
        step = self._span.coarse
        return {
            figure: [value and value / step for value in values] if figure.rolled is Rolled.GROWTH else values
            for figure in CHARTED
            for values in [of_each(self._seen, figure)]
        }

    @cached_property
    def _places(self) -> list[float]:
        """Where the middle of each span lies in the charts."""
        middle = self._window.step / 2
        return [self._window.x(span.at + middle) for span in self._seen]

    def rows(self) -> SafeString:
        columns = [
            [UNKNOWN if value is None else say(value) for value in values]
            for figure, values in self._values.items()
            for say in [_say(figure)]
        ]
        shown = "%-d %b %H:%M" if self.by_day else "%H:%M:%S"
        times = [span.at.strftime(shown) for span in self._seen]
        return table_rows(map(Row, self._places, times, zip(*columns, strict=True)))


def history_of(view: View, name: str, now: datetime) -> FigureHistory:
    """The history over the range of this name."""
    span, bot_id = RANGES[name], view.agent.id
    return FigureHistory(bot_id, view.seen_at, span, now, journal.happened(bot_id, span.begins(now), EVENTS))


def _say(figure: KeptFigure) -> Callable[[float], str]:
    say = figure.unit.say
    return (lambda value: f"{say(value)}/s") if figure.rolled is Rolled.GROWTH else say
