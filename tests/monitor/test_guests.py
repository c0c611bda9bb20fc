"""What a bot tells of guests is believed as far as it makes sense, and read on from where it was written down."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.utils import timezone

from butt.agents.models import Agent, Observed
from butt.agents.states import State
from butt.invites.models import FeedState, Invite, InviteUse
from butt.monitor.guests import Guests
from butt.monitor.telling import Telling
from scuttlekit import KeyPair, RemoteError, connect, serve
from tests.people import bot_in, person, ssb_id

pytestmark = pytest.mark.django_db(transaction=True)

AT = 1_900_000_000_000


class Host:
    """A bot that tells of guests what a test wants, and notes what it is asked."""

    def __init__(self, *told: Any) -> None:
        self.told, self.asked, self.refuses = told, list[Any](), False

    async def guests(self, _peer: Any, options: Any) -> AsyncGenerator[Any]:
        self.asked.append(options)
        for item in self.told:
            yield item
        await asyncio.sleep(3600)

    async def revoke(self, _peer: Any, code_id: str) -> Any:
        self.asked.append(code_id)
        if self.refuses:
            raise RemoteError("the disk is full")
        return True

    async def describe(self, _peer: Any, profile: Any) -> Any:
        self.asked.append(profile)
        return {"sequence": 7}


async def attended(bot: Agent, host: Host, meanwhile: Callable[[Guests], Awaitable[None]]) -> None:
    """What a monitor does with one bot, until `meanwhile` has seen what it waits for."""
    handlers = {"butt.guests": host.guests, "butt.revoke": host.revoke, "butt.describe": host.describe}
    async with (
        serve("127.0.0.1", 0, KeyPair.generate(), handlers) as server,
        connect(server.address, KeyPair.generate()) as peer,
    ):
        guests = Guests()
        tasks = [asyncio.create_task(guests.run()), asyncio.create_task(guests.attend(bot.id, peer))]
        try:
            async with asyncio.timeout(20):
                await meanwhile(guests)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
    assert guests.peers == {}


async def until(what: Callable[[], object]) -> None:
    for _ in range(1000):
        if await sync_to_async(what)():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it did not happen in time")


def a_bot_with_an_invite() -> Agent:
    bot = bot_in(State.ALIVE, person("alice"))
    Invite.objects.create(
        bot=bot, name="x", uses=9, note="note", seed=b"", code_id="@code", offered_at=timezone.now()
    )
    return bot


def use(sequence: int, **other: Any) -> dict[str, Any]:
    return {"sequence": sequence, "feed": ssb_id(abs(sequence)), "note": "note", "at": AT, **other}


async def test_rubbish_is_passed_over_and_the_rest_is_written():
    bot = await sync_to_async(a_bot_with_an_invite)()
    rubbish = [
        None,
        "use",
        [],
        {},
        use(-1),
        use(2**60),
        use(2, feed="@nobody"),
        use(2, feed=ssb_id(1) + "\n"),
        use(2, note="n" * 500),
        use(2, note=5),
        use(2, at="yesterday"),
        use(2, at=10**18),
        use(2, at=-1),
        {"feed": ssb_id(1), "name": 5},
        {"feed": "@x", "name": "x"},
        {"feed": ssb_id(1), "name": "x" * 10_000},
        {"feed": ssb_id(1), "messages": -1, "seen": AT},
        {"feed": ssb_id(1), "messages": 1, "seen": "now"},
        {"feed": ssb_id(1), "messages": 2**60, "seen": None},
    ]
    told = {"feed": ssb_id(1), "name": "Fri\x00da\n"}, {"feed": ssb_id(1), "messages": 7, "seen": AT}
    host = Host(use(1), *rubbish, *told, use(3))

    async def all_is_written(_: Guests) -> None:
        await until(lambda: InviteUse.objects.count() == 2)

    await attended(bot, host, all_is_written)
    rows = [(row.sequence, row.ssb_id, row.name) async for row in InviteUse.objects.order_by("sequence")]
    assert [row[:2] for row in rows] == [(1, ssb_id(1)), (3, ssb_id(3))]
    assert rows[0][2] == "Fri da"
    first = await InviteUse.objects.aget(sequence=1)
    assert first.messages == 7
    assert first.seen_at is not None
    assert first.seen_at <= timezone.now(), "whose clock runs ahead is not seen in the future"


async def test_it_reads_on_from_where_it_was_written_down():
    bot = await sync_to_async(a_bot_with_an_invite)()
    await FeedState.objects.acreate(bot=bot, sequence=41)
    await Observed.objects.filter(bot=bot).aupdate(sequence=50)
    host = Host()

    async def it_was_asked(_: Guests) -> None:
        await until(lambda: host.asked)

    await attended(bot, host, it_was_asked)
    assert host.asked == [{"since": 41}]


async def test_a_bot_is_told_once_and_a_refusal_is_not_hammered():
    bot = await sync_to_async(a_bot_with_an_invite)()
    await Observed.objects.filter(bot=bot).aupdate(alive=True)
    await Invite.objects.aupdate(revoked_at=timezone.now())
    host = Host()
    host.refuses = True

    async def it_is_told(guests: Guests) -> None:
        await until(lambda: bot.id in guests.peers and host.asked)
        for _ in range(3):
            telling = Telling(guests)
            host.asked.clear()
            for _ in range(3):
                await telling.withdraw()
                await telling.introduce()
            if host.refuses:
                assert host.asked.count("@code") == 1
            host.refuses = False

    await attended(bot, host, it_is_told)
    assert host.asked == []
    assert (await Invite.objects.aget()).withdrawn_at
    told = await FeedState.objects.aget()
    assert (told.name, told.description, told.profile_sequence) == ("my", "", 7)


async def test_a_bot_that_tells_nothing_of_guests_is_still_told_what_it_is_to_know():
    bot = await sync_to_async(a_bot_with_an_invite)()
    host = Host()

    async def gone(_peer: Any, _options: Any) -> AsyncGenerator[Any]:
        raise RemoteError("no such method")
        yield

    host.guests = gone  # type: ignore[method-assign]

    async def it_is_still_reached(guests: Guests) -> None:
        await asyncio.sleep(0.5)
        await Observed.objects.filter(bot=bot).aupdate(alive=True)
        await Telling(guests).introduce()
        assert host.asked == [{"name": "my", "description": ""}]

    await attended(bot, host, it_is_still_reached)
