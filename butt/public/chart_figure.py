"""A chart as HTML. It is drawn here, as a template takes several times as long."""

from collections.abc import Iterable
from html import escape

from django.utils.safestring import SafeString, mark_safe

from butt.public.charts import HEIGHT, WIDTH, Chart

_FIGURE = """\
<figure class="chart">
  <figcaption id="{id}-says"><b>{name}</b>{keys} <output id="{id}-there"></output></figcaption>
  <div class="plot" id="{id}" data-chart="{id}" data-cells="{cells}">
    <span class="scale" aria-hidden="true">{top}</span>
    <svg viewBox="0 0 {width} {height}" preserveAspectRatio="none" role="img" aria-label="{said}" focusable="false">
      <path class="grid" d="M0 0H{width}M0 {middle}H{width}"/>
      <path class="floor" d="M0 {height}H{width}"/>
      {events}
      {lines}
      <path class="there" d=""/>
    </svg>
  </div>
  <p class="times" aria-hidden="true"><span>{begins}</span><span>now</span></p>
</figure>
"""


def chart_figure(chart: Chart, marks: str, begins: str) -> SafeString:
    """`marks` are those of `event_marks`; `begins` says when the chart does."""
    several = len(chart.lines) > 1
    texts = {"id": chart.id, "name": chart.name, "top": chart.top, "said": chart.said, "begins": begins}
    figure = _FIGURE.format(
        **{name: escape(text) for name, text in texts.items()},
        keys="".join(
            f' <span class="key" data-line="{number}">{escape(line.name)}</span>'
            for number, line in enumerate(chart.lines, 1)
            if several
        ),
        cells=" ".join(map(str, chart.cells)),
        width=WIDTH,
        height=HEIGHT,
        middle=HEIGHT // 2,
        events=marks,
        lines="".join(
            f'<path class="line" data-line="{number}" d="{line.path}"/>'
            for number, line in enumerate(chart.lines, 1)
        ),
    )
    return mark_safe(figure)  # nosec B308 B703 # noqa: S308 - all texts that stand in it are escaped


def event_marks(events: Iterable[tuple[float, str, str]]) -> str:
    """Where something happened, at which time and what, as lines in a chart."""
    return "".join(
        f'<path class="event" data-what="{escape(what)}" data-x="{x}" d="M{x} 0V{HEIGHT}">'
        f"<title>{escape(time)} {escape(what)}</title></path>"
        for x, time, what in events
    )
