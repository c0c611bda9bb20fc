"""What waits to be written, and what does not wait."""

import asyncio

import pytest
from django.utils import timezone

from butt.agents.models import Agent, Observed
from butt.figures.models import Sample
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
