"""Writing what was seen: many bots at once, each sighting as a sample, the last one as what is observed."""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from operator import attrgetter
from types import SimpleNamespace
from typing import NamedTuple, cast

from django.db import transaction
from django.db.models import OuterRef, Subquery

from butt.agents.limits import UNSURE
from butt.agents.models import Agent, Observed
from butt.agents.prepared import Prepared, among, text_of
from butt.agents.proof import proven
from butt.agents.traffic import merged, percent
from butt.agents.wake import wake_steward
from butt.figures.declared import GROWING, KEPT_FIGURES, Rolled
from butt.figures.models import Reading, Sample
from butt.figures.spans import FIELDS, FINEST, MOST, Counter, Span, growth, lasting
from butt.monitor.bot_figures import BotFigures
from butt.monitor.rows import Rows
from butt.peers.models import ToldRoom

AT_ONCE = 500
"""How many bots are written in one transaction."""

_TOP = 2**63 - 1
_GROWING = {figure.name: attrgetter(figure.said) for figure in GROWING}
_READ = ("bot_id", "alive", "launch", "sequence", "catching_up", "started_at", "traffic", *_GROWING)
_SEEN = "bot_id alive launch trouble started_at sequence said catching_up memory disk peers hops room full traffic traffic_full traffic_behind attendants tunnels aliases at".split()
_SEEN += _GROWING
_UNSEEN = ("bot_id", "alive", "trouble", "at")
_COUNTED = ("bot_id", "started_at", *_GROWING, "messages", "feeds", "indexed", "to_index")

_SAID = [(figure, attrgetter(figure.said), len(figure.columns)) for figure in KEPT_FIGURES]
"""Each figure, how to read it from what the pub reports, and how many columns it fills."""

_there = Prepared(
    lambda ids: (
        Observed.objects.select_for_update()
        .filter(bot_id__in=among(ids))
        .order_by("bot_id")
        .values_list(*_READ)
    ),
    "ids",
)
_last = Prepared(
    lambda ids: Agent.objects.filter(id__in=among(ids)).values_list(
        "id",
        Subquery(proven().filter(bot=OuterRef("id")).values("launch")),
        "reading__started_at",
        *(f"reading__{name}" for name in _GROWING),
    ),
    "ids",
)
_observed, _unseen = Rows(Observed, _SEEN), Rows(Observed, _UNSEEN)
_readings, _samples = Rows(Reading, _COUNTED), Rows(Sample, ("bot_id", "resolution", *FIELDS))


@dataclass(frozen=True, slots=True)
class Seen:
    """A bot's figures at a time, or the problem with it.

    The figures stand for `stretches` of `FINEST` seconds: a bot at which nothing changes sends them less often.
    """

    at: datetime
    figures: BotFigures | None
    trouble: str = ""
    stretches: int = 1


class Counters(NamedTuple):
    """Where a bot's own counters stood, and when the process they belong to began."""

    started_at: datetime
    counts: Mapping[str, int]


def write(batch: Mapping[uuid.UUID, Sequence[Seen]]) -> int:
    """Write what was seen of each bot, in order; returns how many samples that made.

    The steward is woken only for changes that affect its decisions: alive or not, and which launch.
    """
    ids = iter(batch)
    return sum(_write({i: batch[i] for i in part}) for part in _parts(ids))


def _parts(ids: Iterator[uuid.UUID]) -> Iterator[list[uuid.UUID]]:
    while part := list(islice(ids, AT_ONCE)):
        yield part


@transaction.atomic
def _write(batch: Mapping[uuid.UUID, Sequence[Seen]]) -> int:
    # Locked in order, so that monitors do not deadlock; a bot that is gone by now has no row.
    ids = text_of(batch)
    rows = [cast("Observed", SimpleNamespace(**dict(zip(_READ, row, strict=True)))) for row in _there(ids)]
    # Asked for once the rows are locked: another monitor may just have written of the same bots.
    launches, counters = dict[uuid.UUID, int | None](), dict[uuid.UUID, Counters]()
    for bot_id, launch, begun, *counts in _last(ids):
        launches[bot_id] = launch
        if begun is not None:
            counters[bot_id] = Counters(begun, dict(zip(_GROWING, counts, strict=True)))
    changed, samples = [], []
    seen_rows, unseen_rows, readings = [], [], []
    began = {row.bot_id: row.started_at for row in rows}
    for row in rows:
        before = (row.alive, row.launch)
        newest = None
        for seen in batch[row.bot_id]:
            if seen.figures is None:
                row.alive, row.trouble, row.at = False, seen.trouble, seen.at
                continue
            newest = seen.figures
            span = _count(row, counters.get(row.bot_id), seen, newest)
            if newest.launch == launches.get(row.bot_id):
                row.sequence = max(row.sequence, newest.sequence)
            counters[row.bot_id] = Counters(newest.startedAt, _counts(newest))
            samples.append((row.bot_id, FINEST, span.at, span.count, *span.values))
        if newest is None:
            unseen_rows.append([getattr(row, name) for name in _UNSEEN])
        else:
            seen_rows.append([getattr(row, name) for name in _SEEN])
            readings.append(_reading(row.bot_id, newest))
        if before != (row.alive, row.launch):
            changed.append(row.bot_id)
    _observed.update(seen_rows)
    _unseen.update(unseen_rows)
    _readings.put(readings)
    _samples.insert(samples)
    _tell_anew([row.bot_id for row in rows if row.started_at != began[row.bot_id]])
    if changed:
        wake_steward(*changed)
    return len(samples)


def _tell_anew(started: list[uuid.UUID]) -> None:
    """Tell pubs that started again what they keep beside their log: a moved or copied folder brings none of it."""
    if started:
        Observed.objects.filter(bot_id__in=started).exclude(limits_told="").update(limits_told=UNSURE)
        ToldRoom.objects.filter(bot_id__in=started).delete()


def _count(row: Observed, last: Counters | None, seen: Seen, figures: BotFigures) -> Span:
    """Take the figures over into what is observed; what came since the last ones, as a span."""
    process, values = figures.startedAt, list[int | None]()
    for figure, said_in, columns in _SAID:
        said = said_in(figures)
        if figure.rolled is Rolled.GROWTH:
            before = Counter(last.started_at, last.counts[figure.name]) if last else None
            said = growth(before, Counter(process, said))
            setattr(row, figure.name, min(_TOP, (getattr(row, figure.name) or 0) + said))
        values += [said if said is None else min(MOST, said)] * columns
    row.alive, row.trouble, row.at = True, "", seen.at
    row.launch, row.started_at, row.said = figures.launch, figures.startedAt, figures.said
    if figures.catchingUp is not None:
        row.catching_up = row.catching_up and figures.catchingUp
    row.memory, row.disk, row.peers, row.hops = figures.memory, figures.disk, figures.peers.all, figures.hops
    row.room = figures.room.model_dump() if figures.room else None
    row.full = figures.room.full if figures.room else 0
    _see_month(row, figures)
    row.attendants, row.tunnels, row.aliases = figures.attendants, figures.tunnels, figures.aliases
    return lasting(Span(seen.at, 1, tuple(values)), seen.stretches)


def _counts(figures: BotFigures) -> dict[str, int]:
    return {name: said_in(figures) for name, said_in in _GROWING.items()}


def _see_month(row: Observed, figures: BotFigures) -> None:
    if figures.traffic is None:
        row.traffic, row.traffic_full, row.traffic_behind = None, 0, False
        return
    row.traffic, row.traffic_behind = merged(row.traffic, figures.traffic.model_dump(by_alias=True))
    row.traffic_full = percent(row.traffic)


def _reading(bot_id: uuid.UUID, figures: BotFigures) -> tuple[object, ...]:
    """In the order of `_COUNTED`."""
    return (
        bot_id,
        figures.startedAt,
        *_counts(figures).values(),
        figures.messages,
        figures.feeds,
        figures.indexing.current,
        figures.indexing.target,
    )
