"""What a pub sends and accepts, seen by somebody who speaks EBT by hand."""

import asyncio

import orjson
import pytest

from scuttlekit import RemoteError, dial
from scuttlekit.ebt import NOT_REPLICATED, note
from scuttlekit.frames import Json
from tests.scuttlekit.replication.pubs import Make, Pub, guest, settled, until
from tests.scuttlekit.store.voices import Voice

MANY = 10_000


async def test_the_whole_clock_is_sent_first(pub: Pub, alice: Voice):
    await pub.follows(alice.id)
    async with guest(pub, alice) as she:
        await until(lambda: she.clock.keys() == {pub.id, alice.id})
        assert she.clock == {pub.id: note(1, wants=True), alice.id: note(0, wants=True)}


async def test_an_empty_clock_is_sent_too(pub: Pub, alice: Voice):
    async with guest(pub, alice) as she:
        await until(lambda: she.clock == {pub.id: note(0, wants=True)})
    async with guest(pub, alice) as she:
        await until(lambda: she.clock)


async def test_a_clock_of_thousands_of_feeds_arrives_complete(pub: Pub, alice: Voice):
    ids = {Voice(f"voice {number}").id for number in range(1500)}
    await pub.follows(alice.id)
    pub.store.append([alice.follows(one) for one in ids])
    async with guest(pub, Voice("bob")) as he:
        await until(lambda: len(he.clock) >= 1500)
        assert he.clock.keys() == ids | {pub.id, alice.id}


@pytest.mark.parametrize("told", [0, None, "odd"])
async def test_restoring_from_the_secret_alone_brings_the_own_feed_back(pub: Pub, alice: Voice, told):
    await pub.follows(alice.id)
    async with guest(pub, alice) as she:
        await until(lambda: she.clock.get(alice.id) == note(0, wants=True))
        await she.sends(*alice.posts(*map(str, range(150))))
        await until(lambda: pub.has(alice.id) == 150)
        await she.tell(alice.id, 150, wants=True)
    async with guest(pub, alice) as she:
        if told is None:
            # Her app learns what the pub has of her, and asks.
            await she.tells()
            await until(lambda: she.clock.get(alice.id) == note(150, wants=True))
            await she.tell(alice.id, 0, wants=True)
        elif told == "odd":
            await she.tell(alice.id, 0, wants=False)
            await until(lambda: she.clock.get(alice.id) == note(150, wants=True))
            await she.tell(alice.id, 0, wants=True)
        else:
            await she.tell(alice.id, 0, wants=True)
        await until(lambda: she.sequences(alice.id) == list(range(1, 151)))


async def test_a_peer_that_is_no_longer_followed_gets_its_own_feed_back_too(pub: Pub, alice: Voice):
    await pub.follows(alice.id)
    pub.store.append(alice.posts("one", "two"))
    await pub.store.publish({"type": "contact", "contact": alice.id, "following": False})
    async with guest(pub, alice) as she:
        await until(lambda: she.clock.get(alice.id) == note(2, wants=False))
        await she.tell(alice.id, 0, wants=True)
        await until(lambda: she.sequences(alice.id) == [1, 2])


async def test_messages_are_given_as_they_were_signed(pub: Pub, alice: Voice):
    await pub.follows(alice.id)
    said = alice.says({"type": "post", "text": "Ähoi 🐚 \ud800", "10": 1e21, "2": -0.0})
    pub.store.append([said])
    async with guest(pub, Voice("bob")) as he:
        await he.tell(alice.id, 0, wants=True)
        await until(lambda: he.messages)
        assert he.messages == [said.value]
        assert list(he.messages[0]["content"]) == list(said.value["content"])


async def test_new_messages_are_sent_at_once_to_peers_that_want_them(pub: Pub, alice: Voice):
    async with guest(pub, alice) as she, guest(pub, Voice("bob")) as he:
        await she.tell(pub.id, 0, wants=True)
        await he.tell(pub.id, 0, wants=False)
        await until(lambda: she.clock and he.clock)
        await pub.posts(3)
        await until(lambda: she.sequences(pub.id) == [1, 2, 3])
        await until(lambda: he.clock.get(pub.id) == note(3, wants=False))
        assert he.messages == []


async def test_a_strangers_feed_is_refused(pub: Pub, alice: Voice):
    async with guest(pub, alice) as she:
        await she.tell(alice.id, 3, wants=True)
        await until(lambda: she.clock.get(alice.id) == NOT_REPLICATED)
        await she.sends(*alice.posts("one", "two"))
        await until(lambda: pub.limits.refused.get("unasked") == 2)
    assert pub.has(alice.id) == 0


async def test_a_strangers_session_is_still_useful(pub: Pub, alice: Voice, bob: Voice):
    await pub.follows(bob.id)
    async with guest(pub, alice) as she:
        await she.tell(bob.id, 2, wants=True)
        await until(lambda: she.clock.get(bob.id) == note(0, wants=True))
        await she.sends(*bob.posts("one", "two"))
        await until(lambda: pub.has(bob.id) == 2)


async def test_a_blocked_peer_gets_nothing_and_its_feed_is_given_to_nobody(
    pub: Pub, alice: Voice, bob: Voice
):
    pub.store.append(bob.posts("one"))
    await pub.blocks(bob.id)
    async with guest(pub, bob) as he:
        await until(he.listening.done)
        assert (he.clock, he.messages) == ({}, [])
    async with guest(pub, alice) as she:
        await she.tell(bob.id, 0, wants=True)
        await until(lambda: she.clock.get(bob.id) == NOT_REPLICATED)


async def test_a_feed_whose_author_blocks_somebody_is_not_given_to_them(pub: Pub, alice: Voice, bob: Voice):
    await pub.follows(bob.id)
    pub.store.append([bob.says({"type": "contact", "contact": alice.id, "blocking": True})])
    async with guest(pub, alice) as she, guest(pub, Voice("carol")) as carol:
        for one in (she, carol):
            await one.tell(bob.id, 0, wants=True)
        await until(lambda: carol.sequences(bob.id) == [1])
        await until(lambda: she.clock.get(bob.id) == NOT_REPLICATED)
        assert she.messages == []


def changed(message, **fields):
    return {**message.value, **fields}


FAULTS = ("signature", "gap", "content", "author", "timestamp")


async def test_a_bad_message_ends_nothing_and_good_ones_are_accepted_later(make: Make):
    """With each fault, of a pub of its own: each takes seconds to ask again."""
    pubs = {fault: await make(fault) for fault in FAULTS}
    await asyncio.gather(*(accepts_good_ones_after_a_bad_one(pub, fault) for fault, pub in pubs.items()))


async def accepts_good_ones_after_a_bad_one(pub: Pub, fault: str) -> None:
    alice, bob = Voice("alice"), Voice("bob")
    await pub.follows(alice.id, bob.id)
    hers, his = alice.posts(*"abcde"), bob.posts(*"abc")
    bad = {
        "signature": changed(hers[2], signature=hers[1].value["signature"]),
        "gap": hers[3].value,
        "content": changed(hers[2], content={"type": "post", "text": "another"}),
        "author": changed(hers[2], author=bob.id, sequence=9),
        "timestamp": changed(hers[2], timestamp=1),
    }[fault]
    async with guest(pub, alice) as she:
        await she.tell(alice.id, 5, wants=True)
        await she.tell(bob.id, 3, wants=True)
        await until(lambda: she.clock.get(alice.id) == she.clock.get(bob.id) == note(0, wants=True))
        await she.sends(*hers[:2], bad, *hers[3:])
        await she.sends(*his)
        await until(lambda: (pub.has(alice.id), pub.has(bob.id)) == (2, 3))
        assert pub.limits.refused["messages"] >= 1
        # Requested again, by the same session.
        she.clock.clear()
        await until(lambda: she.clock.get(alice.id) == note(2, wants=True))
        await she.sends(*hers[2:])
        await until(lambda: pub.has(alice.id) == 5)


async def test_after_a_bad_message_another_peer_is_asked_at_once(pub: Pub, alice: Voice):
    await pub.follows(alice.id)
    hers = alice.posts(*"abc")
    async with guest(pub, Voice("bob")) as bob, guest(pub, Voice("carol")) as carol:
        for one in (bob, carol):
            await one.tell(alice.id, 3, wants=False)
            await until(lambda: one.clock.get(alice.id) is not None)  # noqa: B023
        asked, other = (bob, carol) if bob.clock[alice.id] == note(0, wants=True) else (carol, bob)
        await asked.sends(changed(hers[0], timestamp=1))
        await until(lambda: other.clock[alice.id] == note(0, wants=True))
        await other.sends(*hers)
        await until(lambda: pub.has(alice.id) == 3)


async def test_a_feed_that_one_peer_does_not_send_is_requested_from_another(pub: Pub, alice: Voice):
    await pub.follows(alice.id)
    async with guest(pub, Voice("bob")) as bob, guest(pub, Voice("carol")) as carol:
        await bob.tell(alice.id, 1000, wants=True)
        await until(lambda: bob.clock.get(alice.id) == note(0, wants=True))
        await carol.tell(alice.id, 2, wants=True)
        await until(lambda: carol.clock.get(alice.id) == note(0, wants=True))
        await carol.sends(*alice.posts("a", "b"))
        await until(lambda: pub.has(alice.id) == 2)


async def test_a_feed_that_stalls_is_asked_for_as_a_history(pub: Pub, alice: Voice):
    """A stock server that believes that we have what we lost continues after that, and never sends it."""
    await pub.follows(alice.id)
    hers = alice.posts(*map(str, range(30)))

    async def history(_peer, options):
        for message in hers[options["seq"] - 1 :]:
            yield message.value

    peer = await dial(pub.server.address, alice.keys, handlers={"createHistoryStream": history})
    stream = peer.duplex("ebt.replicate", {"version": 3, "format": "classic"})
    await stream.send({alice.id: note(30, wants=True)})
    await until(lambda: pub.has(alice.id) == 30)
    await peer.close()


async def test_notes_of_feeds_that_nobody_has_cost_nothing(pub: Pub, alice: Voice):
    ids = [Voice(f"voice {number}").id for number in range(300)]
    async with guest(pub, alice) as she:
        await until(lambda: she.clock)
        (remote,) = pub.replication._exchange.remotes
        before = remote.cost
        for start in range(0, MANY, 300):
            await she.tells(**{one: note(start, wants=True) for one in ids})
        await until(lambda: she.clock.keys() >= set(ids))
        await until(lambda: remote.cost == before)
        assert len(pub.replication._exchange._feeds) == 1


async def test_a_peer_that_sends_nothing_useful_is_disconnected(make: Make, alice: Voice):
    pub = await make(useless=50)
    hers = alice.posts(*map(str, range(60)))
    async with guest(pub, alice) as she:
        await she.sends(*hers)
        await until(she.listening.done)
        assert isinstance(she.error, RemoteError)
        assert she.peer.is_open
    assert 50 < pub.limits.refused["unasked"] < 60


async def test_the_bytes_accepted_of_one_feed_in_a_day_are_limited(make: Make, alice: Voice, bob: Voice):
    pub = await make(feedBytes=2000)
    await pub.follows(alice.id, bob.id)
    async with guest(pub, alice) as she:
        await until(lambda: she.clock.keys() >= {alice.id, bob.id})
        await she.sends(*alice.posts(*("x" * 500 for _ in range(3))))
        await until(lambda: pub.limits.refused.get("feedBytes") == 1)
        await until(lambda: she.clock.get(alice.id) in {NOT_REPLICATED, note(3, wants=False)})
        await she.sends(*alice.posts("more"), *bob.posts("short"))
        await until(lambda: pub.has(bob.id) == 1)
    assert pub.has(alice.id) == 3


async def test_on_a_full_disk_only_the_pubs_own_messages_have_room(make: Make, alice: Voice):
    pub = await make(roomForMessages=1 << 60)
    await pub.follows(alice.id)
    async with guest(pub, alice) as she:
        await until(lambda: pub.limits.refused.get("roomForMessages") == 1)
        await she.sends(*alice.posts("a", "b"))
        await until(lambda: pub.limits.refused.get("unasked") == 2)
        await pub.posts(1)
    assert pub.has(alice.id) == 0
    assert pub.has(pub.id) == 2


async def test_repeated_messages_are_ignored_up_to_a_limit(make: Make, alice: Voice):
    pub = await make(useless=50)
    await pub.follows(alice.id)
    hers = alice.posts("a", "b")
    async with guest(pub, alice) as she:
        await until(lambda: alice.id in she.clock)
        await she.sends(*hers, *hers * 10)
        await until(lambda: pub.limits.refused.get("useless") == 20)
        assert not she.listening.done()
        await she.sends(*hers * 20)
        await until(she.listening.done)
    assert pub.has(alice.id) == 2


@pytest.mark.parametrize(
    "odd", [None, 5, [], "text", b"bytes", {"author": 5, "sequence": 1}, {}, {"clock": {}}]
)
async def test_invalid_input_ends_only_its_session(pub: Pub, alice: Voice, odd):
    async with guest(pub, alice) as she:
        await she.stream.send(odd)
        await she.stream.send(Json(orjson.dumps({alice.id: 0})))
        await until(lambda: she.listening.done() or alice.id in she.clock)
        assert she.peer.is_open
    async with guest(pub, alice) as she:
        await until(lambda: she.clock)


@pytest.mark.parametrize(
    "options", [(), (None,), ({},), ({"version": 2},), ({"version": 3, "format": "bendybutt-v1"},)]
)
async def test_other_kinds_of_replication_are_refused(pub: Pub, alice: Voice, options):
    peer = await dial(pub.server.address, alice.keys)
    with pytest.raises(RemoteError, match="replicat"):
        await peer.duplex("ebt.replicate", *options).take()
    await peer.close()


async def test_a_peer_that_begins_anew_on_its_connection_has_one_session(pub: Pub, alice: Voice):
    peer = await dial(pub.server.address, alice.keys)
    first = peer.duplex("ebt.replicate", {"version": 3})
    await first.take()
    second = peer.duplex("ebt.replicate", {"version": 3})
    await second.take()
    with pytest.raises(RemoteError, match="again"):
        await first.take()
    assert len(list(pub.replication._exchange.remotes)) == 1
    await pub.posts(1)
    await peer.close()


async def test_the_same_identity_may_be_there_several_times(pub: Pub, alice: Voice):
    """As guests of one invite are, before they have followed."""
    await pub.posts(2)
    async with guest(pub, alice) as one, guest(pub, alice) as other:
        for each in (one, other):
            await each.tell(pub.id, 0, wants=True)
        for each in (one, other):
            await until(lambda: each.sequences(pub.id) == [1, 2])  # noqa: B023


async def test_a_peer_that_does_not_read_is_sent_no_more_than_fits_the_sockets(pub: Pub, alice: Voice):
    await pub.follows(alice.id)
    for _ in range(30):
        pub.store.append([alice.says({"type": "post", "text": "x" * 7000}) for _ in range(100)])
    async with guest(pub, Voice("bob")) as he:
        await until(lambda: he.clock)
        he.peer._connection._transport.pause_reading()
        await he.tell(alice.id, 0, wants=True)
        (connection,) = pub.server._connections
        await until(connection.backlog)
        assert await settled(connection.backlog) < 200_000
        he.peer._connection._transport.resume_reading()
        await until(lambda: len(he.messages) == 3000)
