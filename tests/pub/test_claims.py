"""Letting people in by a claim, as a service makes it for them, beside the codes that apps use themselves."""

import asyncio
import signal

import pytest

from scuttlekit import KeyPair, RemoteError
from scuttlekit.messages import Head, create
from tests.pub.pubs import Pub
from tests.pub.test_rights import GUEST, MASTER, STRANGER, dialled

ALICE, BOB = KeyPair(b"a" * 32), KeyPair(b"b" * 32)


@pytest.fixture
def pub(make_pub) -> Pub:
    return make_pub(master=[MASTER.id]).start()


async def offer(master, uses=1, **more):
    await master.call("butt.offer", {"id": GUEST.id, "uses": uses, "note": "n", "expires": None, **more})


async def claim(master, feed, key=GUEST.id):
    return (await master.call("butt.claim", {"id": key, "feed": feed}, timeout=60))["outcome"]


async def uses(master):
    """How often the invite was used, as the pub counts it."""
    (invite,) = await master.call("butt.invites", {"all": True})
    return invite["used"]


async def test_a_feed_is_let_in_once_whichever_way_it_comes(pub):
    async with dialled(pub, MASTER) as master:
        await offer(master, uses=3)
        assert await claim(master, ALICE.id) == "let in"
        assert await claim(master, ALICE.id) == "known"
        async with dialled(pub, GUEST) as guest:
            assert await guest.call("invite.use", {"feed": ALICE.id}) is True
            assert (await guest.call("invite.use", {"feed": BOB.id}))["value"]["content"]["contact"] == BOB.id
        assert await claim(master, BOB.id) == "known"
        assert await uses(master) == 2
        assert await master.call("friends.isFollowing", {"source": pub.id, "dest": ALICE.id})


async def test_a_used_up_code_still_lets_known_guests_in_and_nobody_else(pub):
    async with dialled(pub, MASTER) as master:
        await offer(master)
        async with dialled(pub, GUEST) as guest:
            await guest.call("invite.use", {"feed": ALICE.id})
        async with dialled(pub, GUEST) as again:
            assert await again.call("invite.use", {"feed": ALICE.id}) is True
            with pytest.raises(RemoteError, match="invite has expired"):
                await again.call("invite.use", {"feed": BOB.id})
        assert await claim(master, BOB.id) == "spent"
        assert await uses(master) == 1


async def test_a_blocked_feed_is_refused_both_ways(pub):
    async with dialled(pub, MASTER) as master:
        await offer(master, uses=5)
        await claim(master, STRANGER.id)
        await master.call("friends.block", STRANGER.id, {})
        assert await claim(master, STRANGER.id) == "blocked"
        async with dialled(pub, GUEST) as guest:
            with pytest.raises(RemoteError, match="this pub blocks the feed"):
                await guest.call("invite.use", {"feed": STRANGER.id})
        assert await uses(master) == 1


async def test_a_revoked_expired_or_unknown_invite_lets_nobody_in(pub):
    async with dialled(pub, MASTER) as master:
        assert await claim(master, ALICE.id) == "unknown"
        await offer(master, expires=1)
        assert await claim(master, ALICE.id) == "expired"
        await master.call("butt.revoke", GUEST.id)
        assert await claim(master, ALICE.id) == "unknown"
        for odd in (None, {}, {"id": GUEST.id}, {"id": GUEST.id, "feed": "@x"}, {"feed": [ALICE.id]}):
            with pytest.raises(RemoteError, match="not a feed id"):
                await master.call("butt.claim", odd)


async def test_of_fifty_at_once_one_gets_in(pub):
    async with dialled(pub, MASTER) as master, dialled(pub, GUEST) as guest:
        await offer(master)
        feeds = [KeyPair.generate().id for _ in range(50)]
        claims = [claim(master, feed) for feed in feeds[:25]]
        claims += [guest.call("invite.use", {"feed": feed}, timeout=60) for feed in feeds[25:]]
        answers = await asyncio.gather(*claims, return_exceptions=True)
        assert sum(answer == "let in" or isinstance(answer, dict) for answer in answers) == 1
        followed = [
            await master.call("friends.isFollowing", {"source": pub.id, "dest": feed}) for feed in feeds
        ]
        assert followed.count(True) == 1


async def test_killed_at_any_moment_no_use_is_lost_or_doubled(make_pub):
    """A client that got no answer asks again, and is counted once."""
    pub = make_pub(master=[MASTER.id]).start()
    guests = [KeyPair.generate().id for _ in range(40)]
    async with dialled(pub, MASTER) as master:
        await offer(master, uses=100)
    for number in range(4):
        answered = asyncio.Event()

        async def ask(peer, feed, answered=answered):
            await peer.call("butt.claim", {"id": GUEST.id, "feed": feed})
            answered.set()

        async with dialled(pub, MASTER) as master:
            asked = [
                asyncio.ensure_future(ask(master, feed)) for feed in guests[number * 10 : number * 10 + 10]
            ]
            await answered.wait()
            pub.process.send_signal(signal.SIGKILL)
            await asyncio.gather(*asked, return_exceptions=True)
        pub.ended()
        pub.start()
    async with dialled(pub, MASTER) as master:
        before = await uses(master)
        assert before >= 4
        outcomes = [await claim(master, feed) for feed in guests]
        assert outcomes.count("known") == before
        assert outcomes.count("let in") == 40 - before
        assert await uses(master) == 40
    pub.stop()
    pub.start()
    async with dialled(pub, MASTER) as master:
        assert await uses(master) == 40


async def test_guests_of_a_code_stay_connected_after_it_is_used_up(pub):
    """Manyverse dials with the code's key for as long as it knows no other address."""
    async with dialled(pub, MASTER) as master:
        await offer(master, uses=2)
        for over in (lambda: claim(master, BOB.id), lambda: master.call("butt.revoke", GUEST.id)):
            await claim(master, ALICE.id)
            await over()
            async with dialled(pub, GUEST) as one, dialled(pub, GUEST) as other:
                for peer in (one, other, one):
                    assert "invite" in await peer.call("manifest")


async def test_each_guest_is_reported_with_their_messages(pub):
    """How many messages of theirs are here, and when they were last seen."""
    async with dialled(pub, MASTER) as master:
        await offer(master, uses=3)
        for guest in (ALICE, BOB):
            await claim(master, guest.id)
        head = None
        for number in range(3):
            message = create({"type": "post", "text": str(number)}, ALICE, head, 1_700_000_000_000 + number)
            head = Head(message.value["sequence"], message.key)
            await master.call("add", message.value)
        async with dialled(pub, BOB):
            told = await master.collect("butt.guests", {"since": 9}, limit=2)
        came = {item["feed"]: item for item in told}
        assert came[ALICE.id]["messages"] == 3
        assert came[BOB.id]["messages"] == 0
        assert came[BOB.id]["seen"] > 1_700_000_000_000


async def test_the_pub_says_that_it_is_a_room_and_tells_members_that_they_are(pub):
    async with dialled(pub, MASTER) as master:
        await offer(master, uses=2)
        await master.call("butt.describe", {"name": "harbour", "description": ""})
        async with dialled(pub, ALICE) as stranger:
            assert (await stranger.call("room.metadata"))["membership"] is False
        await claim(master, ALICE.id)
        expected = {"name": "harbour", "membership": True, "features": ["tunnel", "room2"]}
        async with dialled(pub, ALICE) as member:
            assert await member.call("room.metadata") == expected
            state = {"type": "state", "ids": [ALICE.id]}
            assert await member.collect("room.attendants", limit=1) == [state]
        async with dialled(pub, GUEST) as guest:
            told = asyncio.ensure_future(guest.call("room.metadata", timeout=60))
            await guest.call("invite.use", {"feed": BOB.id})
            assert not told.done(), "an app writes down where the pub is only after that"
            assert await told == expected
            assert await guest.collect("room.attendants", limit=1) == [{"type": "state", "ids": []}]


@pytest.mark.parametrize("mode", ["restricted", "none"])
async def test_a_closed_room_is_invisible_to_strangers(make_pub, mode):
    pub = make_pub(master=[MASTER.id], room=mode).start()
    async with dialled(pub, MASTER) as master:
        await offer(master)
        await claim(master, ALICE.id)
        for name in ("room.metadata", "tunnel.isRoom"):
            async with dialled(pub, ALICE) as member:
                assert (await member.call(name))["membership"] is True
            async with dialled(pub, STRANGER) as stranger:
                with pytest.raises(RemoteError, match="not in list of allowed methods"):
                    await stranger.call(name)
