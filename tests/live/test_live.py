"""The live stream tells a page about changes, but nothing about other people's bots."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from django.test import AsyncClient

from butt.agents.bots import bots_of
from butt.agents.models import Agent, Progress
from butt.agents.states import State
from butt.agents.view import View
from butt.public import live
from tests.people import account, bot_in

pytestmark = pytest.mark.django_db(transaction=True)


async def next_mark(events: object) -> str:
    async for chunk in events:  # type: ignore[attr-defined]
        text = chunk.decode()
        if text.startswith("data: "):
            return text.removeprefix("data: ").strip()
    raise AssertionError("the stream ended")


@pytest.fixture
def nobody_polls(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only a write announces a change."""
    monkeypatch.setattr(live, "board", live.Board())
    monkeypatch.setattr(live, "SELDOM", 600.0)


@asynccontextmanager
async def open_page() -> AsyncIterator[tuple[Agent, object]]:
    """A page of a starting bot that has been told its first mark: the bot, and the events that follow."""
    alice = await asyncio.to_thread(account, "alice")
    bot = await asyncio.to_thread(bot_in, State.STARTING, alice.agent)
    client = AsyncClient()
    await client.aforce_login(alice)
    answer = await client.get("/live?bot=my")
    assert answer["Content-Type"] == "text/event-stream"
    events = aiter(answer.streaming_content)
    first = await asyncio.wait_for(next_mark(events), 60)
    assert first == await asyncio.to_thread(lambda: live.mark([View(bots_of(alice.agent).get())]))
    yield bot, events
    await events.aclose()


async def test_a_change_of_state_is_announced_with_the_pages_mark(nobody_polls: None):
    async with open_page() as (bot, events):
        await Progress.objects.filter(bot=bot).aupdate(state=State.BROKEN)
        told = await asyncio.wait_for(next_mark(events), 60)
        assert told == await asyncio.to_thread(lambda: live.mark([View(Agent.objects.get(id=bot.id))]))


async def test_a_change_is_told_within_two_seconds(nobody_polls: None):
    """The quickest of several counts, as other tests run beside it."""
    async with open_page() as (bot, events):
        waited = []
        for number in range(5):
            changed = time.monotonic()
            await Progress.objects.filter(bot=bot).aupdate(reason=f"Reason {number}")
            await asyncio.wait_for(next_mark(events), 60)
            waited.append(time.monotonic() - changed)
        assert min(waited) < 2, waited


async def test_a_stranger_is_sent_nothing():
    answer = await AsyncClient().get("/live")
    assert answer.status_code == 204, "no content also tells the browser not to come back"


def test_a_mark_changes_only_with_what_is_shown():
    alice = account("alice").agent
    bot = bot_in(State.ALIVE, alice)
    before = live.mark([View(bot)])
    bot.observed.memory = 12345
    assert live.mark([View(bot)]) == before
    bot.progress.reason = "The port is taken."
    assert live.mark([View(bot)]) != before
