"""What one monitor does for all beside its watch: trouble of one chore is no other's."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.sessions.models import Session
from django.db import OperationalError
from django.utils import timezone

import butt
from butt.accounts import leaving
from butt.accounts.models import Account
from butt.agents import actions
from butt.agents.models import Agent, JournalEntry
from butt.agents.states import State
from butt.chores import chores_of_packages
from butt.figures.models import Sample
from butt.machines.models import Machine
from butt.monitor.monitor import Monitor
from butt.outbox.models import OutboxMessage
from scuttlekit import KeyPair
from tests.figures.history import history
from tests.people import account, bot_in, person

pytestmark = pytest.mark.django_db(transaction=True)

WITHIN = 180
MANY = 20


async def read(what: Callable[[], bool]) -> bool:
    """Tests keep their tables in memory, where a reader is refused while somebody writes: also a chore's thread, which goes on
    for a moment after the monitor has ended.
    """
    async with asyncio.timeout(WITHIN):
        while True:
            with suppress(OperationalError):
                return await sync_to_async(what)()
            await asyncio.sleep(0.2)


async def monitor_until(what: Callable[[], bool]) -> None:
    """Run a monitor until it has come so far."""
    monitor = asyncio.create_task(Monitor(KeyPair(bytes(32))).run())
    try:
        async with asyncio.timeout(WITHIN):
            done = False
            while not done:
                await asyncio.sleep(0.2)
                done = await read(what)
    finally:
        monitor.cancel()
        with suppress(asyncio.CancelledError):
            await monitor


def test_each_room_names_its_chores_and_the_monitor_finds_them():
    found = {f"{chore.step.__module__}.{chore.step.__name__}" for chore in chores_of_packages()}
    named = {path.parent.name for path in Path(butt.__file__).parent.glob("*/chores.py")}
    assert {name.split(".")[1] for name in found} == named
    assert {"butt.accounts.leaving.finish", "butt.leaving.letters.tell_of_leaving"} <= found


def bot_with_samples() -> Agent:
    """Sightings so old that they are to be rolled up, and then to go."""
    bot = bot_in(State.STOPPED, person("alice"))
    history(bot, timezone.now() - timedelta(hours=2), 10, 24)
    return bot


def rolled_up_and_pruned() -> bool:
    """Shortly after midnight, yesterday's hours are a day already: that is more than is asked for here."""
    return {60, 3600} == set(Sample.objects.values_list("resolution", flat=True)) - {86400}


def is_over(who: Account) -> None:
    leaving.go(who)
    Account.objects.filter(id=who.id).update(leaves_at=timezone.now() - timedelta(days=1))


async def test_a_person_who_leaves_a_machine_behind_ends_neither_roll_ups_nor_others_leaving():
    bob, carol = await sync_to_async(account)("bob"), await sync_to_async(account)("carol")
    await Machine.objects.acreate(person=bob.agent)
    await sync_to_async(bot_with_samples)()
    for who in (bob, carol):
        await sync_to_async(is_over)(who)

    def done() -> bool:
        return rolled_up_and_pruned() and not Account.objects.filter(id=carol.id).exists()

    await monitor_until(done)
    assert await read(Account.objects.filter(id=bob.id).exists)


def is_in_trouble_still() -> bool:
    return OutboxMessage.objects.exclude(due_at=None).exists()


async def test_a_chore_that_ends_badly_again_and_again_keeps_no_other_waiting(settings: Any):
    """Each time over another email, as one that is begun is not sent twice."""

    def many_leave() -> None:
        bot_with_samples()
        for number in range(MANY):
            owner = person(f"p{number}")
            actions.delete(owner, bot_in(State.ALIVE, owner, f"bot{number}"))

    settings.EMAIL_BACKEND = "of.a.package.that.is.not.There"
    await sync_to_async(many_leave)()
    await monitor_until(lambda: rolled_up_and_pruned() and is_in_trouble_still())


async def test_what_expired_is_pruned_as_soon_as_a_monitor_comes():
    def done() -> bool:
        return not Session.objects.exists() and not JournalEntry.objects.filter(what="#alive").exists()

    def long_ago() -> None:
        past = timezone.now() - timedelta(days=1000)
        Session.objects.create(session_key="key", expire_date=past)
        bot = bot_in(State.STOPPED, person("alice"))
        JournalEntry.objects.create(bot_id=bot.id, actor="steward", what="#alive", at=past)

    await sync_to_async(long_ago)()
    await monitor_until(done)
