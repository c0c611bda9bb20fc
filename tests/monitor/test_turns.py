"""Many bots are connected to in turns, one that hangs holds up nobody for long, and the more there are the less they send."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from uuid import uuid4

import pytest

from butt.monitor import turns
from butt.monitor.monitor import Monitor
from butt.monitor.turns import Turns
from butt.monitor.watch import Bot, watch
from scuttlekit import KeyPair
from tests.monitor.responder import Responder
from tests.monitor.test_watch import Reports


@pytest.mark.parametrize(
    ("count", "every", "quiet", "full"),
    [
        (1, 10, [10], [10]),
        (200, 10, [10], [10]),
        (1_000, 10, range(38, 51), range(38, 51)),
        (3_000, 30, range(45, 61), range(90, 151)),
        (10_000, 60, [60], [180]),
        (90_000, 60, [60], [180]),
    ],
)
def test_the_more_bots_the_less_they_send_and_least_those_at_rest(
    count: int, every: int, quiet: Sequence[int], full: Sequence[int]
):
    monitor = Monitor(KeyPair(bytes(32)))
    monitor._watches = dict.fromkeys(range(count))  # type: ignore[arg-type]
    paces = {monitor._pace() for _ in range(1_000)}
    assert {pace.every for pace in paces} == {every}
    assert {pace.quiet for pace in paces} <= set(quiet)
    assert {pace.full for pace in paces} <= set(full)
    assert all(pace.full % pace.quiet == 0 for pace in paces), "figures come in the place of a sign of life"
    assert len(quiet) == 1 or len({pace.quiet for pace in paces}) > 5


async def test_no_more_than_that_many_have_a_turn_at_once():
    taken, most, each = 0, 0, Turns(3)

    async def take() -> None:
        nonlocal taken, most
        async with each.one():
            taken += 1
            most = max(most, taken)
            await asyncio.sleep(0)
            taken -= 1

    await asyncio.gather(*(take() for _ in range(20)))
    assert (taken, most) == (0, 3)


async def test_a_bot_that_hangs_holds_up_no_others(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(turns, "SHORTEST", 0.05)
    monkeypatch.setattr(turns, "AT_FIRST", 0.0)
    each, told, keys = Turns(1), Reports(), KeyPair.generate()
    async with Responder() as hangs, Responder() as good:
        hangs.stall = 3600
        watches = [
            asyncio.create_task(watch(Bot(uuid4(), bot.address), keys, told, turns=each))
            for bot in (hangs, good)
        ]
        assert await told.next(30) == (True, "")
        for task in watches:
            task.cancel()
        await asyncio.wait(watches)
    async with asyncio.timeout(30), each.one():
        pass
    assert each._free._value == 1, "each turn is given back once"


async def test_where_connecting_is_slow_fewer_are_made_at_once_and_more_again_where_it_is_not(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(turns, "LEAST", 3)
    each, taken, most = Turns(20), 0, 0

    async def take(seconds: float) -> None:
        nonlocal taken, most
        async with each.one():
            taken += 1
            most = max(most, taken)
            await asyncio.sleep(seconds)
            taken -= 1

    async def most_at_once(seconds: float) -> int:
        nonlocal most
        most = 0
        await asyncio.gather(*(take(seconds) for _ in range(60)))
        return most

    monkeypatch.setattr(turns, "SLOW", 0.01)
    await most_at_once(0.02)
    assert await most_at_once(0.02) == 3
    monkeypatch.setattr(turns, "SLOW", 1.0)
    await most_at_once(0)
    assert await most_at_once(0) == 20


async def test_where_connecting_takes_longer_a_turn_lasts_longer(monkeypatch: pytest.MonkeyPatch):
    """Otherwise more and more connections would be made at the same time, until none is done in time."""
    monkeypatch.setattr(turns, "SHORTEST", 0.001)
    each = Turns(1)
    assert each.longest > 1, "nothing is known yet"
    for _ in range(100):
        async with each.one():
            await asyncio.sleep(0.02)
    assert 0.05 < each.longest < 1
    slow = each.longest
    with suppress(OSError):
        async with each.one():
            raise OSError
    assert each.longest == slow, "one that cannot be reached says nothing of how long connecting takes"
    for _ in range(100):
        async with each.one():
            pass
    assert each.longest < slow / 10
