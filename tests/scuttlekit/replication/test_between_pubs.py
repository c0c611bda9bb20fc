"""Feeds go from pub to pub."""

from collections.abc import AsyncGenerator
from typing import Any

from scuttlekit import Peer, RemoteError, connect
from tests.scuttlekit.replication.pubs import Make, settled, until
from tests.scuttlekit.store.voices import Voice


async def test_each_gets_what_the_other_has_and_what_comes_later(make: Make):
    here, there = await make("here"), await make("there")
    await here.posts(30)
    await there.posts(250)
    await here.follows(there.id)
    await there.follows(here.id)
    await here.dials(there)
    await until(lambda: (here.has(there.id), there.has(here.id)) == (251, 31))
    for count in range(1, 4):
        await here.posts(1)
        await there.posts(1)
        await until(lambda: (here.has(there.id), there.has(here.id)) == (251 + count, 31 + count))  # noqa: B023


async def test_feeds_come_through_a_pub_in_between(make: Make):
    one, between, other = await make("one"), await make("between"), await make("other")
    await one.posts(120)
    await between.follows(one.id, other.id)
    await other.follows(between.id)
    await one.dials(between)
    await other.dials(between)
    await until(lambda: other.has(one.id) == 120)
    await one.posts(1)
    await until(lambda: other.has(one.id) == 121)


async def test_a_feed_too_far_away_is_not_replicated(make: Make):
    near, pub, far = await make("near", hops=1), await make("pub"), await make("far")
    await far.posts(1)
    await pub.follows(far.id)
    await near.follows(pub.id)
    await far.dials(pub)
    await near.dials(pub)
    await until(lambda: near.has(pub.id) == 1)
    await until(lambda: pub.has(far.id) == 1)
    await pub.posts(1)
    await until(lambda: near.has(pub.id) == 2)
    assert near.has(far.id) == 0


async def test_a_feed_that_is_followed_meanwhile_is_replicated(make: Make):
    here, there = await make("here"), await make("there")
    await there.posts(5)
    await here.dials(there)
    await here.follows(there.id)
    await until(lambda: here.has(there.id) == 5)


async def test_a_peer_that_is_blocked_meanwhile_is_disconnected(make: Make):
    here, there = await make("here"), await make("there")
    await here.follows(there.id)
    await there.follows(here.id)
    await here.dials(there)
    await until(lambda: there.has(here.id) == 1 and here.has(there.id) == 1)
    await there.blocks(here.id)
    await until(lambda: not there.replication._sessions)
    await here.posts(1)
    assert there.has(here.id) == 1


async def test_a_peer_without_ebt_is_asked_for_histories(make: Make):
    here, old = await make("here"), await make("old", offers=["createHistoryStream"])
    carol = await make("carol")
    await carol.posts(70)
    await old.follows(carol.id)
    await carol.dials(old)
    await here.follows(old.id)
    await old.dials(carol)
    await until(lambda: old.has(carol.id) == 70)
    await here.dials(old)
    await until(lambda: (here.has(old.id), here.has(carol.id)) == (1, 70))
    await old.posts(1)
    await until(lambda: here.has(old.id) == 2)


async def test_a_peer_without_ebt_that_dialled_is_asked_too_once_it_asks(make: Make):
    here, old = await make("here"), await make("old")
    await here.follows(old.id)
    await old.posts(3)
    handlers = {"createHistoryStream": old.replication.handlers()["createHistoryStream"]}
    async with connect(here.server.address, old.keys, handlers=handlers) as peer:
        assert await peer.collect("createHistoryStream", {"id": here.id}, limit=1)
        await until(lambda: here.has(old.id) == 3)
        await old.posts(1)
        await until(lambda: here.has(old.id) == 4)
    await until(lambda: not here.replication._followed)


async def test_a_peer_without_histories_is_not_asked_for_every_feed(make: Make, alice: Voice):
    here, asked = await make("here"), []
    await here.follows(alice.id, *(Voice(f"friend {number}").id for number in range(100)))

    async def refuses(_peer: Peer, options: Any) -> AsyncGenerator[Any, None]:
        asked.append(options)
        raise RemoteError("no such feed here")
        yield

    async with connect(here.server.address, alice.keys, handlers={"createHistoryStream": refuses}) as peer:
        assert await peer.collect("createHistoryStream", {"id": here.id}, limit=1)
        await until(lambda: asked)
        assert await settled(lambda: len(asked)) < 50


async def test_nothing_is_left_after_a_session(make: Make):
    here, there = await make("here"), await make("there")
    await here.follows(there.id)
    await there.posts(3)
    for _ in range(5):
        peer = await here.dials(there)
        await until(lambda: here.has(there.id) == 3)
        await peer.close()
        for pub in (here, there):
            await until(lambda: not pub.replication._sessions)  # noqa: B023
            assert not list(pub.replication._exchange.remotes)
            assert not pub.replication._tasks
        assert not here.works
