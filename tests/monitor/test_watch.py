"""A bot that is busy is not dead, one that is gone is seen at once, and rubbish harms nobody."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from butt.monitor.signs import UNCHANGED
from butt.monitor.watch import Bot, FigurePace, watch
from scuttlekit import KeyPair
from tests.monitor.responder import Responder


class Reports:
    """What a watch has told, with the time of the latest."""

    def __init__(self) -> None:
        self.all: list[tuple[bool, str]] = []
        self.news = asyncio.Event()
        self.at = 0.0

    async def __call__(self, _: uuid.UUID, figures: Any, trouble: str) -> None:
        self.all.append((figures is not None, trouble))
        self.at = time.monotonic()
        self.news.set()

    async def next(self, seconds: float = 10) -> tuple[bool, str]:
        self.news.clear()
        await asyncio.wait_for(self.news.wait(), seconds)
        return self.all[-1]


@asynccontextmanager
async def watching(responder: Responder) -> AsyncIterator[Reports]:
    told = Reports()
    task = asyncio.create_task(watch(Bot(uuid.uuid4(), responder.address), KeyPair.generate(), told))
    yield told
    assert not task.done()
    task.cancel()


async def test_a_bot_that_stalls_for_eight_seconds_stays_alive():
    async with Responder() as bot, watching(bot) as told:
        assert await told.next() == (True, "")
        bot.stall = 8
        began = time.monotonic()
        assert await told.next(30) == (True, "")
        while time.monotonic() - began < 8:
            await told.next(30)
        assert all(alive for alive, _ in told.all)


async def test_a_bot_that_closes_is_seen_dead_at_once_and_alive_when_it_is_back():
    async with Responder() as bot, watching(bot) as told:
        await told.next()
        closing = time.monotonic()
        await bot.close()
        while told.all[-1][0]:
            await told.next()
        assert told.at - closing < 5
        await asyncio.sleep(0.5)
        assert [alive for alive, _ in told.all].count(False) <= 2, "a drop is told, not each try"
        await bot.open()
        while not told.all[-1][0]:
            await told.next()


async def test_a_bot_that_says_that_nothing_changed_is_alive(monkeypatch: pytest.MonkeyPatch):
    for module in ("signs", "watch"):
        monkeypatch.setattr(f"butt.monitor.{module}.PACE", 0.01)
    monkeypatch.setattr("butt.monitor.watch.PATIENCE", 1.0)
    async with Responder(0.05) as bot:
        good = bot.said
        told = Reports()
        pace = FigurePace(every=0, quiet=0)
        one = Bot(uuid.uuid4(), bot.address)
        task = asyncio.create_task(watch(one, KeyPair.generate(), told, pace=lambda: pace))
        assert await told.next() == (True, "")
        bot.said = UNCHANGED
        await asyncio.sleep(0.5)
        count = len(told.all)
        await asyncio.sleep(2)
        assert len(told.all) == count, "there is nothing new to write, and it is not taken for dead"
        bot.said = good
        assert await told.next() == (True, "")
        bot.stall = 3600
        assert (await told.next())[0] is False, "one that says nothing at all is taken for dead"
        task.cancel()


async def test_a_bot_that_has_never_sent_figures_cannot_say_that_they_did_not_change():
    async with Responder() as bot:
        bot.said = UNCHANGED
        async with watching(bot) as told:
            alive, trouble = await told.next()
            assert (alive, trouble.partition(":")[0]) == (False, "The bot sends invalid figures")


async def test_a_bot_that_was_never_reached_is_not_called_dead_before_it_had_time(
    monkeypatch: pytest.MonkeyPatch,
):
    """It may have hung up because it and thousands of others were connected to at the same time."""
    monkeypatch.setattr("butt.monitor.watch.PATIENCE", 3.0)

    async def hangs_up(_: Any, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with Responder() as bot:
        await bot.close()
        busy = await asyncio.start_server(hangs_up, "127.0.0.1", bot.port)
        began = time.monotonic()
        async with watching(bot) as told:
            alive, trouble = await told.next(30)
            assert not alive
            assert "during the secret handshake" in trouble
            assert told.at - began > 2.9
            busy.close()
            await busy.wait_closed()
            await bot.open()
            while not told.all[-1][0]:
                await told.next()


async def test_a_bot_that_refuses_connections_is_dead_at_once():
    async with Responder() as bot:
        await bot.close()
        async with watching(bot) as told:
            began = time.monotonic()
            alive, trouble = await told.next()
            assert (alive, "cannot be reached" in trouble) == (False, True)
            assert told.at - began < 5
            await bot.open()
            await told.next()


@pytest.mark.parametrize(
    "rubbish",
    [
        "figures",
        None,
        [],
        {},
        {"memory": -1},
        {"memory": "a lot"},
        {"startedAt": "0001-01-01T00:00:00+14:00"},
        {"startedAt": "yesterday"},
        {"peers": {"in": 2**70}},
        {"bytesIn": 10**30},
        {"indexing": 5},
    ],
)
async def test_rubbish_is_trouble_with_a_reason_and_the_watch_goes_on(rubbish: Any):
    async with Responder() as bot:
        good = bot.said
        bot.said = {**good, **rubbish} if isinstance(rubbish, dict) and rubbish else rubbish
        async with watching(bot) as told:
            alive, trouble = await told.next()
            assert (alive, trouble.partition(":")[0]) == (False, "The bot sends invalid figures")
            bot.said = good
            while not told.all[-1][0]:
                await told.next()


async def test_another_identity_at_the_bots_address_is_not_the_bot(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("butt.monitor.watch.PATIENCE", 1.0)
    async with Responder() as bot:
        bot.keys = KeyPair.generate()
        async with watching(bot) as told:
            assert (await told.next())[0] is False
