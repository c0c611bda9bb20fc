"""Whom the pub follows and blocks, as it tells a service; a blocked peer gets nothing more."""

import asyncio
import base64
import hashlib
from contextlib import AsyncExitStack

import pytest

from scuttlekit import HandshakeFailed, KeyPair, RemoteError
from scuttlekit.messages import Head, create
from scuttlekit.pub.calls.members import read_search
from tests.pub.pubs import Pub
from tests.pub.test_rights import GUEST, MASTER, STRANGER, dialled
from tests.scuttlekit.peers import eventually

ALICE, BOB = KeyPair(b"a" * 32), KeyPair(b"b" * 32)
BLOB = b"a picture"
BLOB_ID = f"&{base64.b64encode(hashlib.sha256(BLOB).digest()).decode()}.sha256"


@pytest.fixture
def pub(make_pub) -> Pub:
    return make_pub(master=[MASTER.id]).start()


async def relate(master, feed, **relation):
    await master.call("publish", {"type": "contact", "contact": feed, **relation})


async def write(master, keys, head, content):
    """Have a feed publish something, brought by a master."""
    message = create(content, keys, head, 1_700_000_000_000 + (head.sequence if head else 0))
    await master.call("add", message.value)
    return Head(message.head.sequence, message.key)


async def members(master, **asked):
    return await master.call("butt.members", asked)


async def test_guests_are_listed_with_what_the_pub_has_of_them(pub):
    async with dialled(pub, MASTER) as master:
        await master.call("butt.offer", {"id": GUEST.id, "uses": 1, "note": "n1", "expires": None})
        await master.call("butt.claim", {"id": GUEST.id, "feed": ALICE.id})
        await relate(master, BOB.id, following=True)
        head = await write(master, ALICE, None, {"type": "about", "about": ALICE.id, "name": "Alice"})
        await write(master, ALICE, head, {"type": "post", "text": f"![]({BLOB_ID})"})
        async with master.sink("blobs.add") as sink:
            await sink.send(BLOB)
        await master.call("blobs.want", BLOB_ID)
        told = await members(master, sort="messages")
        assert (told["total"], told["counts"]) == (2, {"follows": 2, "blocks": 0, "none": 0})
        alice, bob = told["members"]
        assert (alice["id"], alice["name"], alice["relation"], alice["note"]) == (
            ALICE.id,
            "Alice",
            "follows",
            "n1",
        )
        assert (alice["messages"], alice["here"], bob["messages"], bob["seen"]) == (2, False, 0, None)
        assert alice["bytes"] > 500
        assert alice["seen"] >= alice["since"] > 0

        await has_blobs(master, len(BLOB), note="n1")
        async with dialled(pub, BOB):
            assert (await members(master, q=BOB.id))["members"][0]["here"]
        await master.call("blobs.rm", BLOB_ID)
        await has_blobs(master, 0, q="ALI")


async def has_blobs(master, size, **search):
    """Wait until one member is found, with blobs of that many bytes: which blobs are here is noted a moment later."""
    async with asyncio.timeout(30):
        while [one["blobBytes"] for one in (await members(master, **search))["members"]] != [size]:  # noqa: ASYNC110 - no event tells of it
            await asyncio.sleep(0.02)


@pytest.mark.parametrize(
    "asked",
    [
        {"relations": ["friends"]},
        {"relations": []},
        {"relations": "follows"},
        {"q": "x" * 201},
        {"q": "\ud800"},
        {"note": 7},
        {"sort": "id; DROP TABLE members"},
        {"sort": []},
        {"relations": [[]]},
        {"after": -1},
        {"after": 1e300},
        {"limit": "all"},
    ],
)
def test_an_invalid_question_is_refused(asked):
    with pytest.raises(RemoteError):
        read_search(asked)


async def test_a_blocked_member_gets_nothing_until_unblocked(pub):
    async with AsyncExitStack() as stack:
        master = await stack.enter_async_context(dialled(pub, MASTER))
        await master.call("butt.offer", {"id": GUEST.id, "uses": 2, "note": "n", "expires": None})
        guest, alice = [await stack.enter_async_context(dialled(pub, keys)) for keys in (GUEST, ALICE)]
        await guest.call("invite.use", {"feed": ALICE.id})
        await write(master, ALICE, None, {"type": "post", "text": "hello"})

        await relate(master, ALICE.id, following=False, blocking=True)
        await eventually(lambda: not alice.is_open and not guest.is_open)
        with pytest.raises(HandshakeFailed):
            async with dialled(pub, ALICE):
                pass
        async with dialled(pub, GUEST) as again:
            with pytest.raises(RemoteError, match="blocks"):
                await again.call("invite.use", {"feed": ALICE.id})
        claimed = await master.call("butt.claim", {"id": GUEST.id, "feed": ALICE.id})
        assert claimed == {"outcome": "blocked"}
        async with dialled(pub, STRANGER) as other:
            assert await other.collect("createHistoryStream", {"id": ALICE.id}, limit=1) == []
        assert (await members(master))["members"][0]["relation"] == "blocks"
        # The last use goes to somebody else: from now on the key does not let Alice in either.
        await master.call("butt.claim", {"id": GUEST.id, "feed": BOB.id})
        async with dialled(pub, GUEST) as bobs:
            assert bobs.is_open
        await relate(master, BOB.id, blocking=True)
        with pytest.raises(HandshakeFailed):
            async with dialled(pub, GUEST):
                pass

        await relate(master, ALICE.id, blocking=False)
        assert (await members(master, relations=["none"]))["members"][0]["id"] == ALICE.id
        await relate(master, ALICE.id, following=True)
        for keys in (ALICE, GUEST):
            async with dialled(pub, keys) as back:
                assert await back.collect("createHistoryStream", {"id": ALICE.id}, limit=1)
