"""Words that no database takes, from bots and machines: they cost nobody else what was seen of theirs."""

import asyncio
import json
import uuid
from collections.abc import AsyncGenerator
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.utils import timezone

from butt.agents.models import Agent, Observed, Progress
from butt.agents.states import State
from butt.hosts import HostTrouble
from butt.hosts.publog import last_words
from butt.invites.guestbook import positions, write
from butt.invites.models import InviteUse
from butt.machines.models import Placement
from butt.machines.reports import read_report, take
from butt.monitor.bot_figures import BotFigures
from butt.monitor.guests import _checked
from butt.monitor.sample_buffer import SampleBuffer
from butt.monitor.watch import Bot, watch
from butt.steward.steward import Steward
from scuttlekit import KeyPair, RemoteError
from tests.machines.machines import machine, placed_bot, report
from tests.monitor.responder import Responder
from tests.monitor.test_guests import a_bot_with_an_invite, use
from tests.people import bot_in, person
from tests.steward.test_waiting import Unreachable

STRANGE = [
    pytest.param("a\0b", id="NUL"),
    pytest.param("a\ud800b", id="half a sign"),
    pytest.param("a\udcffb", id="a byte of a file name"),
]
KEPT = "a\ufffdb"


class Refusing(Responder):
    """A bot that gives no figures, and says why in words of its own."""

    words = ""

    async def _figures(self, _peer: Any, _options: Any) -> AsyncGenerator[Any]:
        raise RemoteError(self.words)
        yield


def two_bots() -> tuple[Agent, Agent]:
    alice = person("alice")
    return bot_in(State.ALIVE, alice, "strange"), bot_in(State.ALIVE, alice, "other")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("words", STRANGE)
async def test_why_a_bot_gives_no_figures_is_written_with_what_others_say(words: str):
    strange, other = await sync_to_async(two_bots)()
    buffer, told = SampleBuffer(), asyncio.Event()

    async def tell(bot_id: uuid.UUID, figures: BotFigures | None, trouble: str) -> None:
        await buffer.tell(bot_id, figures, trouble)
        told.set()

    async with Refusing() as bot:
        bot.words = words
        watching = asyncio.create_task(watch(Bot(strange.id, bot.address), KeyPair.generate(), tell))
        try:
            await asyncio.wait_for(told.wait(), 20)
        finally:
            watching.cancel()
    await buffer.tell(other.id, None, "It ended the connection.")
    assert await buffer._write()
    assert (await Observed.objects.aget(bot=strange)).trouble == KEPT
    assert not (await Observed.objects.aget(bot=other)).alive


@pytest.mark.django_db
@pytest.mark.parametrize("note", [*STRANGE, "n" * 500, "not ours", "note\n", ""])
def test_a_note_that_is_none_of_ours_is_read_past(note: str):
    bot = a_bot_with_an_invite()
    write({bot.id: [_checked(use(1)), _checked(use(2, note=note))]})
    assert [row.sequence for row in InviteUse.objects.all()] == [1]
    Observed.objects.filter(bot=bot).update(sequence=9)
    assert positions([bot.id]) == {bot.id: 2}


@pytest.mark.django_db
def test_a_report_of_a_machine_is_taken():
    here = machine()
    bot = placed_bot(person("alice"), here)
    seen = {"launch": 1, "running": False, "exitCode": 1, "words": "a\0b", "error": "a\0b"}
    said = report(
        bots={str(bot.id): seen},
        troubles=["a\0b"],
        strangers=["a\0b"],
        facts={"docker": "a\0b"},
        done=False,
    )
    take(here.minion_id, read_report(json.dumps(said).encode()))
    here.refresh_from_db()
    kept = Placement.objects.get(bot=bot).seen
    assert {kept["words"], kept["error"], here.trouble, *here.strangers, here.facts["docker"]} == {KEPT}


@pytest.mark.django_db
@pytest.mark.parametrize("words", STRANGE)
def test_the_last_words_of_a_bot_can_be_its_reason(words: str):
    now = timezone.now()
    line = json.dumps({"time": now.isoformat(), "level": "error", "code": 65, "message": words})
    said = last_words(line, now - timedelta(minutes=1))
    assert said
    bot = bot_in(State.BROKEN, person("alice"))
    Progress.objects.filter(bot=bot).update(reason=said.message)
    assert Progress.objects.get(bot=bot).reason == KEPT


@pytest.mark.django_db
@pytest.mark.parametrize("words", STRANGE)
def test_so_can_the_trouble_of_a_host(words: str):
    """It may name a file, and files may be called anything."""
    bot = bot_in(State.ALIVE, person("alice"))
    Progress.objects.filter(bot=bot).update(due_at=timezone.now())
    assert Steward(Unreachable(HostTrouble(words)), ()).round()  # type: ignore[arg-type]
    assert Progress.objects.get(bot=bot).reason == f"Waiting for its machine: {KEPT}"
