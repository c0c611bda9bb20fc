"""Blobs go from peers that have them to peers that want them, and nobody can fill the disk with them."""

import asyncio
import base64
import hashlib
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from scuttlekit import Address, KeyPair, Peer, RemoteError, connect
from tests.exports.living import add_blob
from tests.pub.pubs import CAPS, Pub, until

NETWORK = base64.b64decode(CAPS["shs"])
LARGE = bytes(range(256)) * 19_600
"""4.9 MB."""


def id_of(data: bytes) -> str:
    return f"&{base64.b64encode(hashlib.sha256(data).digest()).decode()}.sha256"


class Someone:
    """A client with blobs of its own, which sends wants and answers those of the pub."""

    def __init__(self, *blobs: bytes) -> None:
        self.keys = KeyPair.generate()
        self.blobs = {id_of(data): data for data in blobs}
        self.lies: dict[str, bytes] = {}
        self.heard: list[dict[str, int]] = []
        self.given: list[str] = []
        self._says: asyncio.Queue[dict[str, int]] = asyncio.Queue()

    @asynccontextmanager
    async def at(self, pub: Pub) -> AsyncGenerator[Peer, None]:
        address = Address("127.0.0.1", pub.config["port"], pub.id)
        handlers = {"blobs.createWants": self._wants, "blobs.get": self._get}
        async with connect(address, self.keys, network=NETWORK, handlers=handlers) as peer:
            listening = asyncio.create_task(self._listen(peer))
            yield peer
            listening.cancel()

    def says(self, notes: dict[str, int]) -> None:
        self._says.put_nowait(notes)

    async def hears_of(self, blob: str) -> int:
        async with asyncio.timeout(60):
            while not (sizes := [note[blob] for note in self.heard if note.get(blob, 0) > 0]):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        return sizes[0]

    async def _wants(self, _peer: Peer, *_: Any) -> AsyncGenerator[Any, None]:
        yield {}
        while True:
            yield await self._says.get()

    async def _get(self, _peer: Peer, asked: Any, *_: Any) -> AsyncGenerator[Any, None]:
        blob = asked if isinstance(asked, str) else asked.get("key") or asked.get("id")
        data = self.lies.get(blob) or self.blobs[blob]
        self.given.append(blob)
        for at in range(0, len(data), 65_536):
            yield data[at : at + 65_536]

    async def _listen(self, peer: Peer) -> None:
        async for note in peer.source("blobs.createWants"):
            self.heard.append(note)
            has = {
                blob: len(self.blobs[blob])
                for blob, number in note.items()
                if number < 0 and blob in self.blobs
            }
            if has:
                self.says(has)


async def received(peer: Peer, blob: str) -> bytes:
    return b"".join(await peer.collect("blobs.get", {"key": blob}, limit=1000))


def befriend(pub: Pub, client: Any, *people: Someone) -> None:
    for someone in people:
        client.call(pub, "publish", {"type": "contact", "contact": someone.keys.id, "following": True})


def files_of(pub: Pub) -> list[str]:
    return [path.name for path in (pub.data / "blobs").rglob("*") if path.is_file()]


async def test_a_friends_blob_reaches_a_friend_who_was_away(pub: Pub, client: Any):
    small, large = b"a picture", LARGE
    author, reader = Someone(small, large), Someone()
    befriend(pub, client, author, reader)
    async with author.at(pub) as peer:
        author.says({id_of(small): -1, id_of(large): -1})
        assert await author.hears_of(id_of(large)) == len(large)
        assert await author.hears_of(id_of(small)) == len(small)
        assert await peer.call("blobs.has", [id_of(small), id_of(b"nothing")]) == [True, False]
    async with reader.at(pub) as peer:
        reader.says({id_of(large): -1})
        assert await reader.hears_of(id_of(large)) == len(large)
        assert await received(peer, id_of(large)) == large
        assert await received(peer, id_of(small)) == small


async def test_a_blob_that_a_friend_wants_is_fetched_from_a_stranger(pub: Pub, client: Any):
    friend, stranger = Someone(), Someone(b"rare")
    befriend(pub, client, friend)
    async with friend.at(pub) as peer, stranger.at(pub):
        friend.says({id_of(b"rare"): -1})
        assert await friend.hears_of(id_of(b"rare")) == 4
        assert {id_of(b"rare"): -2} in stranger.heard
        assert await received(peer, id_of(b"rare")) == b"rare"


async def test_nothing_is_fetched_for_strangers(make_pub: Any, client: Any):
    pub = make_pub().start()
    one, other, friend = Someone(), Someone(b"freight", b"wanted"), Someone()
    befriend(pub, client, friend)
    async with one.at(pub) as peer, other.at(pub), friend.at(pub):
        one.says({id_of(b"freight"): -1})
        other.says({id_of(b"freight"): 7})
        assert await peer.call("blobs.has", id_of(b"freight")) is False
        # A later blob has arrived, so the earlier one was skipped.
        friend.says({id_of(b"wanted"): -1})
        await friend.hears_of(id_of(b"wanted"))
        assert other.given == [id_of(b"wanted")]
    assert len(files_of(pub)) == 1


async def test_a_stranger_is_told_when_a_wanted_blob_arrives(make_pub: Any, client: Any):
    pub = make_pub().start()
    friend, stranger = Someone(b"awaited"), Someone()
    befriend(pub, client, friend)
    async with stranger.at(pub) as peer:
        stranger.says({id_of(b"awaited"): -1})
        await peer.call("blobs.has", id_of(b"awaited"))
        async with friend.at(pub):
            friend.says({id_of(b"awaited"): -1})
            assert await stranger.hears_of(id_of(b"awaited")) == 7


async def test_wrong_bytes_are_discarded_and_others_are_asked(make_pub: Any, client: Any):
    pub = make_pub().start()
    liar, honest, friend = Someone(b"truth"), Someone(b"truth"), Someone()
    liar.lies[id_of(b"truth")] = b"a lie"
    befriend(pub, client, friend)
    async with liar.at(pub), friend.at(pub):
        friend.says({id_of(b"truth"): -1})
        await asyncio.to_thread(until, lambda: liar.given)
        async with honest.at(pub) as peer:
            await friend.hears_of(id_of(b"truth"))
            assert await received(peer, id_of(b"truth")) == b"truth"
    assert len(files_of(pub)) == 1


async def test_a_blob_that_is_too_large_is_not_fetched(make_pub: Any, client: Any):
    pub = make_pub(limits={"blob": 1000}).start()
    friend, giver = Someone(), Someone(b"x" * 2000, b"small")
    # It claims to be smaller than it is.
    sly = Someone(b"y" * 2000)
    befriend(pub, client, friend)
    async with friend.at(pub), giver.at(pub), sly.at(pub):
        sly.says({id_of(b"y" * 2000): 10})
        friend.says({id_of(b"x" * 2000): -1, id_of(b"y" * 2000): -1, id_of(b"small"): -1})
        await friend.hears_of(id_of(b"small"))
        assert giver.given == [id_of(b"small")]
    assert len([name for name in files_of(pub) if len(name) == 62]) == 1


async def test_the_bytes_fetched_for_one_peer_in_a_day_are_limited(make_pub: Any, client: Any):
    pub = make_pub(limits={"blobBytes": 5000}).start()
    greedy, modest, giver = Someone(), Someone(), Someone(b"x" * 6000, b"another", b"needed")
    befriend(pub, client, greedy, modest)
    async with greedy.at(pub), modest.at(pub), giver.at(pub):
        greedy.says({id_of(b"x" * 6000): -1})
        await greedy.hears_of(id_of(b"x" * 6000))
        greedy.says({id_of(b"another"): -1})
        await asyncio.to_thread(
            until, lambda: client.call(pub, "butt.figures", {}, count=1)[0]["refused"].get("blobBytes")
        )
        modest.says({id_of(b"needed"): -1})
        await modest.hears_of(id_of(b"needed"))
    assert giver.given == [id_of(b"x" * 6000), id_of(b"needed")]


async def test_an_own_blob_is_added_read_in_parts_and_removed(make_pub: Any, client: Any):
    owner = KeyPair.generate()
    pub = make_pub(master=[owner.id, client.keys["id"]]).start()
    address = Address("127.0.0.1", pub.config["port"], pub.id)
    async with connect(address, owner, network=NETWORK) as peer:
        blob = await add_blob(peer, b"hello")
        assert blob == id_of(b"hello")
        assert await peer.call("blobs.size", blob) == 5
        assert await peer.collect("blobs.getSlice", {"id": blob, "start": 1, "end": 3}, limit=9) == [b"el"]
        assert blob in await peer.collect("blobs.ls", limit=1)
        with pytest.raises(RemoteError):
            await peer.collect("blobs.get", {"key": blob, "max": 4}, limit=9)
        with pytest.raises(RemoteError):
            await peer.collect("blobs.get", id_of(b"another"), limit=9)
        await peer.call("blobs.rm", blob)
        assert await peer.call("blobs.has", blob) is False


async def test_a_flood_of_wants_is_bounded_and_the_pub_answers_others(make_pub: Any, client: Any):
    pub = make_pub().start()
    flooder, friend = Someone(), Someone(b"needed")
    befriend(pub, client, friend, flooder)
    async with flooder.at(pub), friend.at(pub):
        for first in range(0, 20_000, 500):
            flooder.says({id_of(b"%d" % (first + number)): -1 for number in range(500)})
        friend.says({id_of(b"needed"): 6})
        friend.says({id_of(b"needed"): -1})
        refused = await asyncio.to_thread(
            until, lambda: client.call(pub, "butt.figures", {}, count=1)[0]["refused"].get("wantedBlobs")
        )
        assert refused
    assert client.call(pub, "whoami") == {"id": pub.id}


async def test_blobs_go_between_both_kinds_of_pub(make_node_pub: Any, make_pub: Any, client: Any):
    owner = KeyPair.generate()
    masters = [owner.id, client.keys["id"]]
    for one, other in ((make_node_pub, make_pub), (make_pub, make_node_pub)):
        giver = one("giver" + one.__name__ + str(id(one)), master=masters).start()
        taker = other("taker" + str(id(other)), master=masters).start()
        client.call(taker, "publish", {"type": "contact", "contact": giver.id, "following": True})
        client.call(giver, "publish", {"type": "contact", "contact": taker.id, "following": True})
        client.call(taker, "gossip.connect", giver.address)
        async with (
            connect(Address("127.0.0.1", giver.config["port"], giver.id), owner, network=NETWORK) as at_giver,
            connect(Address("127.0.0.1", taker.config["port"], taker.id), owner, network=NETWORK) as at_taker,
        ):
            blob = await add_blob(at_giver, LARGE)
            await at_taker.call("blobs.want", blob, timeout=60)
            assert await received(at_taker, blob) == LARGE
