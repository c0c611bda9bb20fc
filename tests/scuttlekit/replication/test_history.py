"""Histories, as they are given."""

import asyncio
from contextlib import aclosing

import pytest

from scuttlekit import RemoteError, dial
from tests.scuttlekit.replication.pubs import Pub, until
from tests.scuttlekit.store.voices import Voice


@pytest.fixture
async def peer(pub: Pub, bob: Voice):
    peer = await dial(pub.server.address, bob.keys)
    yield peer
    await peer.close()


@pytest.fixture
def hers(pub: Pub, alice: Voice):
    messages = alice.posts(*map(str, range(250)))
    pub.store.append(messages)
    return messages


async def history(peer, *arguments, limit=1000):
    return await peer.collect("createHistoryStream", *arguments, limit=limit)


async def test_a_whole_feed_comes_in_order_with_its_keys(peer, hers, alice: Voice):
    told = await history(peer, {"id": alice.id})
    assert [(one["key"], one["value"]) for one in told] == [(one.key, one.value) for one in hers]
    assert all(isinstance(one["timestamp"], int | float) for one in told)


@pytest.mark.parametrize(
    ("options", "first", "last"),
    [
        ({"seq": 1}, 1, 250),
        ({"seq": 0}, 1, 250),
        ({"seq": -5}, 1, 250),
        ({"seq": 248}, 248, 250),
        ({"sequence": 248, "seq": 3}, 248, 250),
        ({"seq": 251}, 251, 250),
        ({"seq": 1e300}, 251, 250),
        ({"seq": 2.5}, 3, 250),
        ({"limit": 3}, 1, 3),
        ({"limit": 130, "seq": 100}, 100, 229),
        ({"limit": 0}, 1, 0),
        ({"limit": -1}, 1, 250),
        ({"old": False}, 251, 250),
    ],
)
async def test_a_part_of_a_feed_comes(peer, hers, alice: Voice, options, first, last):
    told = await history(peer, {"id": alice.id, "keys": False, **options})
    assert [one["sequence"] for one in told] == list(range(first, last + 1))


async def test_options_may_come_by_place(peer, hers, alice: Voice):
    assert [one["value"]["sequence"] for one in await history(peer, alice.id, 249)] == [249, 250]


async def test_only_keys_come_where_only_they_are_wanted(peer, hers, alice: Voice):
    assert await history(peer, {"id": alice.id, "values": False, "seq": 249}) == [
        one.key for one in hers[248:]
    ]


async def test_later_messages_are_sent_on_a_live_history(peer, pub: Pub, hers, alice: Voice):
    live = peer.source("createHistoryStream", {"id": alice.id, "seq": 249, "live": True, "keys": False})
    async with asyncio.timeout(10), aclosing(live):
        assert [(await anext(live))["sequence"] for _ in range(2)] == [249, 250]
        following = asyncio.ensure_future(anext(live))
        await until(lambda: pub.replication._history._waiting)
        await pub.posts(1)
        pub.store.append(alice.posts("later"))
        assert (await following)["sequence"] == 251
    await until(lambda: not pub.replication._history._waiting)


async def test_only_new_messages_are_sent_if_old_ones_are_not_wanted(peer, pub: Pub, hers, alice: Voice):
    live = peer.source("createHistoryStream", {"id": alice.id, "old": False, "live": True, "limit": 2})
    async with asyncio.timeout(10), aclosing(live):
        following = asyncio.ensure_future(anext(live))
        await until(lambda: pub.replication._history._waiting)
        pub.store.append(alice.posts("a", "b", "c"))
        assert (await following)["value"]["sequence"] == 251
        assert (await anext(live))["value"]["sequence"] == 252
        with pytest.raises(StopAsyncIteration):
            await anext(live)


async def test_an_unknown_feed_gives_nothing(peer, alice: Voice):
    assert await history(peer, {"id": alice.id}) == []


@pytest.mark.parametrize(
    "options", [None, {}, {"id": 5}, {"id": "@x"}, "text", {"seq": 1}, {"id": ["@x"]}, {"limit": "x"}]
)
async def test_wrong_options_are_refused(peer, options):
    with pytest.raises(RemoteError):
        await history(peer, options)


@pytest.mark.parametrize("name", ["seq", "limit"])
async def test_invalid_numbers_are_refused(peer, hers, alice: Voice, name):
    with pytest.raises(RemoteError, match=f"{name} must be a number"):
        await history(peer, {"id": alice.id, name: "5"})


async def test_blocked_and_blocking_feeds_give_nothing(peer, pub: Pub, hers, alice: Voice, bob: Voice):
    pub.store.append([alice.says({"type": "contact", "contact": bob.id, "blocking": True})])
    assert await history(peer, {"id": alice.id}) == []
    await pub.posts(1)
    assert len(await history(peer, {"id": pub.id})) == 1
    await pub.blocks(bob.id)
    assert await history(peer, {"id": pub.id}) == []
