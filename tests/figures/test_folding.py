"""Samples are folded in the database. What comes out is what reading each of them would give."""

import random
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from butt.agents.models import Agent
from butt.agents.states import State
from butt.figures.declared import KEPT_FIGURES
from butt.figures.models import Sample
from butt.figures.series import RANGES, series
from butt.figures.spans import FIELDS, Span, floor, fold
from tests.figures.history import MIB, sample
from tests.people import bot_in, person

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
COARSE = ["24h", "30d", "1y"]


@pytest.fixture
def bot() -> Agent:
    return bot_in(State.ALIVE, person("alice"))


def history(bot: Agent, resolution: int, count: int, seed: int) -> list[Sample]:
    """Samples with different values. Some are missing, and in some it was not known how much of the disk the bot uses."""
    chance = random.Random(seed)
    last = floor(NOW, resolution)
    rows = []
    for number in range(count):
        row = sample(bot, last - number * timedelta(seconds=resolution), resolution)
        row.memory_low, row.memory_high = sorted(chance.sample(range(200 * MIB), 2))
        row.memory_sum = row.count * row.memory_high
        row.peers_sum, row.bytes_in = chance.randrange(100), chance.randrange(2**40)
        row.disk = chance.choice([None, 2**48, chance.randrange(2**40)])
        row.messages, row.feeds = chance.randrange(2**30), chance.randrange(100)
        if chance.random() < 0.8:
            rows.append(row)
    return Sample.objects.bulk_create(rows)


def each_read(bot: Agent, name: str, step: int) -> list[Span]:
    """The same, from all rows that this range shows."""
    span = RANGES[name]
    rows = Sample.objects.filter(bot=bot, resolution=span.resolution, at__gte=span.begins(NOW))
    return fold([Span(at, count, tuple(values)) for at, count, *values in rows.values_list(*FIELDS)], step)


@pytest.mark.parametrize("name", COARSE)
@pytest.mark.parametrize("seed", range(3))
def test_folding_in_the_database_gives_what_reading_each_sample_gives(bot: Agent, name: str, seed: int):
    span = RANGES[name]
    history(bot, span.resolution, span.seconds // span.resolution, seed)
    history(bot_in(State.ALIVE, person("bob"), "other"), span.resolution, 50, seed + 1)
    for step in (span.step, span.coarse):
        assert series(bot.id, span, NOW, step) == each_read(bot, name, step)


def test_only_the_figures_that_are_asked_for_are_read(bot: Agent):
    span = RANGES["24h"]
    history(bot, span.resolution, 600, 7)
    memory = tuple(figure for figure in KEPT_FIGURES if figure.name == "memory")
    some, every = (series(bot.id, span, NOW, span.coarse, figures=asked) for asked in (memory, KEPT_FIGURES))
    assert [span.of(memory[0]) for span in some] == [span.of(memory[0]) for span in every]
    assert some[0].values.count(None) > every[0].values.count(None)


def test_what_is_not_rolled_up_yet_is_shown_beside_what_is_folded(bot: Agent):
    now = timezone.now()
    day = RANGES["24h"]
    before, after = floor(now, 60) - timedelta(minutes=20), floor(now, 60)
    Sample.objects.bulk_create([sample(bot, before, 60), sample(bot, after, 10)])
    shown = series(bot.id, day, now, day.step)
    assert [span.at for span in shown] == [floor(before, day.step), floor(after, day.step)]
    assert [span.count for span in shown] == [6, 1]
