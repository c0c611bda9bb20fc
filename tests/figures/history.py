"""Samples as the monitor would have written them."""

from datetime import datetime, timedelta

from butt.agents.models import Agent
from butt.figures.models import Sample
from butt.monitor.bot_figures import BotFigures

MIB = 2**20


def figures(started_at: datetime, **changes: object) -> BotFigures:
    """What a pub reports about itself."""
    said = {
        "launch": 1,
        "startedAt": started_at,
        "memory": 80 * MIB,
        "bytesIn": 1000,
        "bytesOut": 2000,
        "peers": {"in": 2, "out": 1},
        "disk": 5 * MIB,
        "sequence": 7,
        "messages": 1234,
        "feeds": 12,
        "indexing": {"current": 499_999, "target": 999_999},
    }
    return BotFigures.model_validate(said | changes)


def sample(bot: Agent, at: datetime, resolution: int, memory: int = 80 * MIB) -> Sample:
    return Sample(
        bot=bot,
        resolution=resolution,
        at=at,
        count=resolution // 10,
        memory_sum=memory * (resolution // 10),
        memory_low=memory,
        memory_high=memory,
        peers_sum=3 * (resolution // 10),
        peers_low=3,
        peers_high=3,
        bytes_in=100,
        bytes_out=200,
        disk=5 * MIB,
        messages=1234,
        feeds=12,
    )


def history(bot: Agent, until: datetime, resolution: int, count: int) -> list[Sample]:
    """The last `count` samples of that resolution before `until`."""
    step = timedelta(seconds=resolution)
    rows = [sample(bot, until - number * step, resolution) for number in range(1, count + 1)]
    return Sample.objects.bulk_create(rows)
