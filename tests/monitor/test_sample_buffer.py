"""What waits to be written, and what does not wait."""

import asyncio
import uuid

import pytest
from django.utils import timezone

from butt.agents.models import Agent, Observed
from butt.figures.models import Sample
from butt.monitor import sample_buffer
from butt.monitor.sample_buffer import SampleBuffer
from tests.figures.history import figures
from tests.people import many_bots, person

MANY = 1200


@pytest.mark.django_db(transaction=True)
async def test_a_change_is_written_before_what_others_say_as_always():
    began, buffer = timezone.now(), SampleBuffer()
    await asyncio.to_thread(lambda: many_bots(person("alice"), MANY))
    ids = await asyncio.to_thread(lambda: list(Agent.objects.filter(type="bot").values_list("id", flat=True)))
    for launch in (1, 2):
        await asyncio.to_thread(Sample.objects.all().delete)
        for bot_id in ids:
            await buffer.tell(bot_id, figures(began), "")
        if launch == 2:
            await buffer.tell(ids[-1], figures(began, launch=2), "")
        assert await buffer._write()
    first = await Sample.objects.order_by("id").afirst()
    assert first
    assert first.bot_id == ids[-1]
    assert await Observed.objects.aget(bot=ids[-1], launch=2)
    assert await Sample.objects.acount() == MANY + 1, "nothing is lost on the way"


@pytest.mark.django_db(transaction=True)
async def test_beside_many_bots_figures_wait_unless_a_feed_has_moved_on(monkeypatch: pytest.MonkeyPatch):
    for name, seconds in (("PAUSE", 0.05), ("LONGEST_PAUSE", 3600.0), ("BOTS_A_SECOND", 1 / 3600)):
        monkeypatch.setattr(sample_buffer, name, seconds)
    began, buffer = timezone.now(), SampleBuffer()
    await asyncio.to_thread(lambda: many_bots(person("alice"), 1))
    bot_id = await asyncio.to_thread(lambda: Agent.objects.get(type="bot").id)
    writing = asyncio.create_task(buffer.run())

    async def say(written: int, **changes: int) -> None:
        await buffer.tell(bot_id, figures(began, **changes), "")
        for _ in range(2000):
            if buffer.written >= written:
                return
            await asyncio.sleep(0.01)
        raise AssertionError(f"only {buffer.written} are written")

    await say(1)
    await say(1)
    await asyncio.sleep(0.5)
    assert buffer.written == 1, "nothing moved on"
    await say(3, sequence=9)
    await say(3, sequence=9)
    writing.cancel()
    await asyncio.gather(writing, return_exceptions=True)
    assert buffer.written == 4, "what waits is written at the end"


async def test_a_sighting_stands_for_the_time_since_the_one_before_it_unless_the_bot_was_away(
    monkeypatch: pytest.MonkeyPatch,
):
    now, bot_id, buffer = 1000.0, uuid.uuid4(), SampleBuffer()
    monkeypatch.setattr(sample_buffer, "monotonic", lambda: now)
    for seconds, sees in ((0, True), (1, True), (50, True), (9, False), (50, True), (60, True)):
        now += seconds
        await buffer.tell(bot_id, figures(timezone.now()) if sees else None, "" if sees else "It is away.")
    assert [seen.stretches for seen in buffer._waiting[bot_id]] == [1, 1, 5, 1, 1, 6]
