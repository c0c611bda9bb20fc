"""Writing what was seen: many bots in one go, each sighting a sample, the last one what is observed."""

import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from django.db import transaction
from django.db.models import Model, QuerySet

from butt.agents.models import Observed
from butt.agents.proof import proven
from butt.agents.wake import wake_steward
from butt.figures.models import Reading, Sample
from butt.figures.spans import FIELDS, FINEST, MOST, Counter, Span, growth
from butt.monitor.watch import BotFigures

AT_ONCE = 500
"""How many bots are written in one transaction."""

_TOP = 2**63 - 1
_OBSERVED = "alive launch trouble started_at sequence said catching_up memory disk bytes_in bytes_out peers hops room full attendants tunnels at".split()
_READING = "started_at bytes_in bytes_out messages feeds indexed to_index".split()


@dataclass(frozen=True, slots=True)
class Seen:
    """A bot's figures at a time, or the trouble with it."""

    at: datetime
    figures: BotFigures | None
    trouble: str = ""


def write(batch: Mapping[uuid.UUID, Sequence[Seen]]) -> int:
    """Write what was seen of each bot, in the order of sight; how many samples that made.

    The steward is rung only for what changes its mind: alive or not, and which launch.
    """
    ids = iter(batch)
    return sum(_write({i: batch[i] for i in part}) for part in _parts(ids))


def _parts(ids: Iterator[uuid.UUID]) -> Iterator[list[uuid.UUID]]:
    while part := list(islice(ids, AT_ONCE)):
        yield part


@transaction.atomic
def _write(batch: Mapping[uuid.UUID, Sequence[Seen]]) -> int:
    # Locked in order, so that monitors do not wait for each other in a ring; a bot that is gone by now has no row.
    rows = list(Observed.objects.select_for_update().filter(bot_id__in=batch).order_by("bot_id"))
    readings = Reading.objects.in_bulk([row.bot_id for row in rows])
    launches = dict(proven().filter(bot_id__in=batch).values_list("bot_id", "launch"))
    changed, samples, read = [], [], set()
    for row in rows:
        before = (row.alive, row.launch)
        for seen in batch[row.bot_id]:
            if seen.figures is None:
                row.alive, row.trouble, row.at = False, seen.trouble, seen.at
                continue
            span = _count(row, readings.get(row.bot_id), seen.at, seen.figures)
            if seen.figures.launch == launches.get(row.bot_id):
                row.sequence = max(row.sequence, seen.figures.sequence)
            readings[row.bot_id] = _reading(row.bot_id, seen.figures)
            read.add(row.bot_id)
            samples.append(Sample(bot_id=row.bot_id, resolution=FINEST, **_columns(span)))
        if before != (row.alive, row.launch):
            changed.append(row.bot_id)
    _upsert(Observed.objects.all(), rows, _OBSERVED)
    _upsert(Reading.objects.all(), [readings[bot_id] for bot_id in read], _READING)
    Sample.objects.bulk_create(samples, ignore_conflicts=True)
    if changed:
        wake_steward(*changed)
    return len(samples)


def _count(row: Observed, last: Reading | None, at: datetime, figures: BotFigures) -> Span:
    """Take the figures over into what is observed; what came since the last ones, as a span."""
    process = figures.startedAt
    came_in = growth(
        Counter(last.started_at, last.bytes_in) if last else None, Counter(process, figures.bytesIn)
    )
    came_out = growth(
        Counter(last.started_at, last.bytes_out) if last else None, Counter(process, figures.bytesOut)
    )
    peers = figures.peers.in_ + figures.peers.out
    row.alive, row.trouble, row.at = True, "", at
    row.launch, row.started_at, row.said = figures.launch, figures.startedAt, figures.said
    if figures.catchingUp is not None:
        row.catching_up = row.catching_up and figures.catchingUp
    row.memory, row.disk, row.peers, row.hops = figures.memory, figures.disk, peers, figures.hops
    row.room = figures.room.model_dump() if figures.room else None
    row.full = figures.room.full if figures.room else 0
    row.attendants, row.tunnels = figures.attendants, figures.tunnels
    row.bytes_in = min(_TOP, (row.bytes_in or 0) + came_in)
    row.bytes_out = min(_TOP, (row.bytes_out or 0) + came_out)
    memory = min(MOST, figures.memory)
    return Span(
        at=at,
        count=1,
        memory_sum=memory,
        memory_low=memory,
        memory_high=memory,
        peers_sum=peers,
        peers_low=peers,
        peers_high=peers,
        bytes_in=came_in,
        bytes_out=came_out,
        disk=figures.disk,
        messages=figures.messages,
        feeds=figures.feeds,
    )


def _reading(bot_id: uuid.UUID, figures: BotFigures) -> Reading:
    return Reading(
        bot_id=bot_id,
        started_at=figures.startedAt,
        bytes_in=figures.bytesIn,
        bytes_out=figures.bytesOut,
        messages=figures.messages,
        feeds=figures.feeds,
        indexed=figures.indexing.current,
        to_index=figures.indexing.target,
    )


def _columns(span: Span) -> dict[str, object]:
    return {name: getattr(span, name) for name in FIELDS}


def _upsert(rows: QuerySet[Any], values: Collection[Model], fields: Sequence[str]) -> None:
    """One statement for many rows, where an update of each would be one for each."""
    rows.bulk_create(values, update_conflicts=True, unique_fields=["bot"], update_fields=fields)
