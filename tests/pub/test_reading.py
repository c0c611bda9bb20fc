"""What programs read of a pub's messages is the same from both kinds of pub, because they were written for
ssb-server.
"""

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pytest

from scuttlekit import Address, KeyPair, Peer, RemoteError, connect, messages
from tests.pub.pubs import CAPS, Pub

NETWORK = base64.b64decode(CAPS["shs"])
OWNER = KeyPair(b"o" * 32)
FRIEND = KeyPair(b"f" * 32)
ROOT = "%" + base64.b64encode(bytes(32)).decode() + ".sha256"


@asynccontextmanager
async def owner_of(pub: Pub) -> AsyncIterator[Peer]:
    address = Address("127.0.0.1", pub.config["port"], pub.id)
    async with connect(address, OWNER, network=NETWORK) as peer:
        yield peer


@pytest.fixture
async def peer(make_pub) -> AsyncIterator[Peer]:
    """Its owner's connection to a pub with ten messages: three posts, a follow, five posts and a vote."""
    pub = make_pub(master=[OWNER.id]).start()
    async with owner_of(pub) as peer:
        for content in [
            *({"type": "post", "text": str(number)} for number in range(1, 4)),
            {"type": "contact", "contact": FRIEND.id, "following": True},
            *({"type": "post", "text": str(number), "root": ROOT} for number in range(5, 10)),
            {"type": "vote", "vote": {"link": ROOT, "value": 1}},
        ]:
            await peer.call("publish", content)
        yield peer


async def read(peer: Peer, name: str, *args: Any, limit: int = 100) -> list[Any]:
    return await peer.collect(name, *args, limit=limit)


def sequences(messages: list[Any]) -> list[int]:
    return [message["value"]["sequence"] for message in messages]


async def test_the_log_is_read_in_order_and_in_part(peer):
    whole = await read(peer, "createLogStream")
    assert sequences(whole) == list(range(1, 11))
    assert set(whole[0]) == {"key", "value", "timestamp"}
    assert sequences(await read(peer, "createLogStream", {"reverse": True, "limit": 3})) == [10, 9, 8]
    assert await read(peer, "createLogStream", {"values": False, "limit": 2}) == [m["key"] for m in whole[:2]]
    assert await read(peer, "createLogStream", {"keys": False, "limit": 2}) == [m["value"] for m in whole[:2]]
    third, seventh = whole[2]["timestamp"], whole[6]["timestamp"]
    assert sequences(await read(peer, "createLogStream", {"gt": third, "lte": seventh})) == [4, 5, 6, 7]
    assert sequences(await read(peer, "createLogStream", {"gte": third, "lt": seventh})) == [3, 4, 5, 6]
    newest = {"gt": third, "reverse": True, "limit": 2}
    assert sequences(await read(peer, "createLogStream", newest)) == [10, 9]


async def test_a_feed_is_read_by_sequence(peer):
    def feed(**options: Any) -> Any:
        return read(peer, "createUserStream", {"id": peer.id, **options})

    assert sequences(await feed()) == list(range(1, 11))
    assert sequences(await feed(gt=3, lt=6)) == [4, 5]
    assert sequences(await feed(gte=3, lte=6)) == [3, 4, 5, 6]
    assert sequences(await feed(gt=3, limit=2)) == [4, 5]
    assert sequences(await feed(reverse=True, limit=2)) == [10, 9]
    assert sequences(await feed(reverse=True, lt=4)) == [3, 2, 1]
    assert await read(peer, "createUserStream", {"id": FRIEND.id}) == []


@pytest.mark.parametrize(
    "name", ["createLogStream", "createUserStream", "createFeedStream", "messagesByType"]
)
async def test_a_live_stream_continues(peer, name):
    options = {"id": peer.id, "type": "post", "live": True, "sync": True, "old": True, "limit": 50}
    async with aclosing(peer.source(name, options, timeout=10)) as stream:
        seen = []
        async for told in stream:
            if told == {"sync": True}:
                await peer.call("publish", {"type": "post", "text": "new"})
                continue
            seen.append(told["value"]["content"].get("text"))
            if seen[-1] == "new":
                break
    assert seen[:3] == ["1", "2", "3"]
    assert seen.count("9") == 1


async def test_only_new_messages_are_streamed(peer):
    told = asyncio.create_task(read(peer, "createLogStream", {"live": True, "old": False}, limit=1))
    await asyncio.sleep(0.3)
    await peer.call("publish", {"type": "post", "text": "new"})
    assert sequences(await told) == [11]


async def test_messages_of_a_type(peer):
    assert sequences(await read(peer, "messagesByType", "post")) == [1, 2, 3, 5, 6, 7, 8, 9]
    assert sequences(await read(peer, "messagesByType", {"type": "vote"})) == [10]
    assert sequences(await read(peer, "messagesByType", {"type": "post", "reverse": True, "limit": 2})) == [
        9,
        8,
    ]


async def test_the_order_of_claimed_times(peer):
    assert sequences(await read(peer, "createFeedStream", {"limit": 3})) == [1, 2, 3]
    assert sequences(await read(peer, "createFeedStream", {"reverse": True, "limit": 3})) == [10, 9, 8]


async def test_one_message(peer):
    latest = await peer.call("getLatest", peer.id)
    assert latest["value"]["sequence"] == 10
    assert await peer.call("get", latest["key"]) == latest["value"]
    with_meta = await peer.call("get", {"id": latest["key"], "meta": True})
    assert (with_meta["key"], with_meta["value"]) == (latest["key"], latest["value"])
    with pytest.raises(RemoteError, match="not found"):
        await peer.call("get", ROOT)


async def test_latest_sequences_of_feeds(peer):
    latest = await peer.call("getLatest", peer.id)
    assert await peer.call("latestSequence", peer.id) == 10
    assert await peer.call("getVectorClock") == {peer.id: 10}
    assert await peer.call("getFeedState", peer.id) == {"id": latest["key"], "sequence": 10}
    assert await peer.call("getFeedState", FRIEND.id) == {"id": None, "sequence": 0}
    (told,) = await read(peer, "latest")
    assert told == {"id": peer.id, "sequence": 10, "ts": latest["value"]["timestamp"]}


async def test_links(peer):
    votes = await read(peer, "links", {"dest": ROOT, "rel": "vote"})
    assert votes == [{"source": peer.id, "rel": "vote", "dest": ROOT, "key": votes[0]["key"]}]
    assert len(await read(peer, "links", {"dest": ROOT})) == 6
    (follow,) = await read(peer, "links", {"source": peer.id, "dest": "@", "values": True})
    assert (follow["rel"], follow["dest"]) == ("contact", FRIEND.id)
    assert follow["value"]["sequence"] == 4


async def test_queries(peer):
    def query(*steps: Any, **options: Any) -> Any:
        return read(peer, "query.read", {"query": list(steps), **options})

    posts = {"value": {"content": {"type": "post"}}}
    assert sequences(await query({"$filter": posts})) == [1, 2, 3, 5, 6, 7, 8, 9]
    assert sequences(await query({"$filter": posts}, reverse=True, limit=2)) == [9, 8]
    assert sequences(await query({"$filter": {"value": {"sequence": {"$gt": 3, "$lte": 5}}}})) == [4, 5]
    assert sequences(await query({"$filter": {"value": {"content": {"root": {"$is": "string"}}}}})) == [
        5,
        6,
        7,
        8,
        9,
    ]
    assert sequences(await query({"$filter": {"value": {"content": {"type": {"$prefix": "co"}}}}})) == [4]
    text = {"$map": ["value", "content", "text"]}
    assert await query({"$filter": posts}, text, limit=2) == ["1", "2"]
    named = {"$map": {"who": ["value", "author"], "what": ["value", "content", "text"]}}
    assert await query({"$filter": posts}, named, limit=1) == [{"who": peer.id, "what": "1"}]


async def test_who_follows_whom(peer):
    edge = {"source": peer.id, "dest": FRIEND.id}
    assert await peer.call("friends.isFollowing", edge) is True
    assert await peer.call("friends.isBlocking", edge) is False
    assert await peer.call("friends.hops") == {peer.id: 0, FRIEND.id: 1}
    assert await peer.call("friends.get", {"source": peer.id}) == {FRIEND.id: True}
    await peer.call("friends.block", FRIEND.id, {})
    assert await peer.call("friends.isFollowing", edge) is False
    assert await peer.call("friends.isBlocking", edge) is True
    await peer.call("friends.block", FRIEND.id, {"state": False})
    assert await peer.call("friends.isBlocking", edge) is False
    await peer.call("friends.follow", FRIEND.id, {})
    assert await peer.call("friends.isFollowing", edge) is True


async def test_a_slow_reader_gets_the_whole_stream(peer):
    for number in range(300):
        await peer.call("publish", {"type": "post", "text": str(number) * 500})
    async with aclosing(peer.source("createLogStream")) as stream:
        first = await anext(stream)
        await asyncio.sleep(1)
        rest = [message["value"]["sequence"] async for message in stream]
    assert [first["value"]["sequence"], *rest] == list(range(1, 311))


async def test_private_messages_are_shown_to_the_owner_only(peer):
    said = {"type": "post", "text": "between us", "recps": [peer.id, FRIEND.id]}
    published = await peer.call("publish", said)
    assert published["value"]["content"].endswith(".box")
    key = published["key"]
    assert (await peer.call("get", {"id": key}))["content"].endswith(".box")
    assert (await peer.call("get", {"id": key, "private": True}))["content"] == said
    logged = await read(peer, "createLogStream", {"reverse": True, "limit": 1})
    assert logged[0]["value"]["content"].endswith(".box")
    opened = await read(peer, "createLogStream", {"reverse": True, "limit": 1, "private": True})
    assert opened[0]["value"]["content"] == said
    assert opened[0]["value"]["private"] is True
    between = {"$filter": {"value": {"private": True, "content": {"text": "between us"}}}}
    assert [message["key"] for message in await read(peer, "query.read", {"query": [between]})] == [key]


async def test_private_messages_have_their_own_calls(make_pub):
    pub = make_pub(master=[OWNER.id]).start()
    async with owner_of(pub) as peer:
        said = {"type": "post", "text": "between us"}
        published = await peer.call("private.publish", said, [peer.id, FRIEND.id])
        boxed = published["value"]["content"]
        assert await peer.call("private.unbox", boxed) == said
        assert await peer.call("private.unbox", "AAAA.box") is None
        await peer.call("publish", said)
        (told,) = await read(peer, "private.read", {})
        assert told["key"] == published["key"]
        others = await peer.call("private.publish", said, [FRIEND.id])
        assert len(await read(peer, "private.read", {})) == 1
        assert (await peer.call("get", {"id": others["key"], "private": True}))["content"].endswith(".box")


async def test_a_message_of_somebody_else_can_be_added(make_pub):
    pub = make_pub(master=[OWNER.id]).start()
    async with owner_of(pub) as peer:
        first = messages.create({"type": "post", "text": "hello"}, FRIEND, None, 1_700_000_000_000)
        second = messages.create({"type": "post", "text": "again"}, FRIEND, first.head, 1_700_000_000_001)
        with pytest.raises(RemoteError):
            await peer.call("add", second.value)
        assert (await peer.call("add", first.value))["key"] == first.key
        assert (await peer.call("add", second.value))["key"] == second.key
        with pytest.raises(RemoteError):
            await peer.call("add", {**second.value, "sequence": 3})
        assert await peer.call("getVectorClock") == {FRIEND.id: 2}
