"""A pub that has used up its traffic for the month serves its members, and everything else waits for the next
month.
"""

from base64 import b64encode
from contextlib import AsyncExitStack
from hashlib import sha256

import pytest

from scuttlekit import HandshakeFailed, KeyPair, RemoteError
from tests.pub.pubs import until
from tests.pub.test_rights import GUEST, MASTER, dialled

GIB = 1 << 30
TEXT = b"a picture"


async def traffic(master):
    (seen,) = await master.collect("butt.figures", {}, limit=1)
    return seen["traffic"]


async def test_at_the_limit_members_are_served_and_others_are_not(make_pub):
    pub = make_pub(master=[MASTER.id])
    digest = sha256(TEXT).digest()
    place = pub.data / "blobs" / "sha256" / digest.hex()[:2] / digest.hex()[2:]
    place.parent.mkdir(parents=True)
    place.write_bytes(TEXT)
    blob = f"&{b64encode(digest).decode()}.sha256"
    pub.start()
    member, stranger = KeyPair.generate(), KeyPair.generate()
    async with AsyncExitStack() as stack:
        master = await stack.enter_async_context(dialled(pub, MASTER))
        await master.call("publish", {"type": "contact", "contact": member.id, "following": True})
        await master.call("butt.offer", {"id": GUEST.id, "uses": 1, "note": "n", "expires": None})
        friend = await stack.enter_async_context(dialled(pub, member))
        other = await stack.enter_async_context(dialled(pub, stranger))
        assert await friend.collect("blobs.get", blob, limit=1) == [TEXT]
        month = (await traffic(master))["month"]
        used = await master.call("butt.traffic", {"month": month, "in": GIB, "out": GIB})
        assert used["in"] + used["out"] >= 2 * GIB
        await master.call("butt.limit", {"traffic": 2 * GIB})
        await other.closed
        with pytest.raises(HandshakeFailed):
            await stack.enter_async_context(dialled(pub, KeyPair.generate()))
        assert friend.is_open
        with pytest.raises(RemoteError, match="traffic"):
            await friend.duplex("tunnel.connect", {"portal": pub.id, "target": MASTER.id}).take()
        with pytest.raises(RemoteError, match="traffic"):
            await friend.collect("blobs.get", blob, limit=1)
        # An invited person still becomes a member.
        guest = await stack.enter_async_context(dialled(pub, GUEST))
        new = KeyPair.generate()
        await guest.call("invite.use", {"feed": new.id})
        await stack.enter_async_context(dialled(pub, new))
        await master.call("butt.limit", {"traffic": None})
        await stack.enter_async_context(dialled(pub, stranger))
        assert await friend.collect("blobs.get", blob, limit=1) == [TEXT]


async def test_the_count_survives_the_process(make_pub):
    pub = make_pub(master=[MASTER.id]).start()
    async with dialled(pub, MASTER) as master:
        month = (await traffic(master))["month"]
        await master.call("butt.traffic", {"month": month, "in": GIB, "out": 5})
        for wrong in ({"month": month, "in": -1, "out": 0}, {"month": "2026-13", "in": 0, "out": 0}, None):
            with pytest.raises(RemoteError, match="month"):
                await master.call("butt.traffic", wrong)
    assert pub.stop() == 0
    pub.start()
    until(lambda: pub.event("listening"))
    async with dialled(pub, MASTER) as master:
        seen = await traffic(master)
        assert seen["in"] >= GIB
        assert 5 <= seen["out"] < GIB
