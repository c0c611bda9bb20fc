"""What is stored is there: by feed, by id, in the order of the log, now and after reopening the store."""

import json
from pathlib import Path
from typing import Any

import pytest

from scuttlekit.errors import InvalidMessage
from scuttlekit.messages import Head
from scuttlekit.pub.store import NotNext, Store, Stored
from tests.scuttlekit.store.conftest import Opens
from tests.scuttlekit.store.voices import Voice


def texts(found: list[Stored]) -> list[str]:
    return [one.value["content"]["text"] for one in found]


async def test_a_new_store_is_empty_and_ready(opens: Opens):
    store = opens()
    assert store.ready.is_set()
    assert (store.messages, store.feeds, dict(store.clock)) == (0, 0, {})
    assert store.head(store.own.id) is None
    assert store.read_log() == []


async def test_messages_are_found_by_feed_and_by_id_and_in_the_order_of_the_log(
    opens: Opens, alice: Voice, bob: Voice
):
    store = opens()
    one, two, three = alice.posts("one", "two", "three")
    (other,) = bob.posts("other")
    store.append([one, other, two])
    store.append([three])
    assert dict(store.clock) == {alice.id: 3, bob.id: 1}
    assert (store.messages, store.feeds) == (4, 2)
    assert store.head(alice.id) == Head(3, three.key)
    assert texts(store.read_feed(alice.id)) == ["one", "two", "three"]
    assert texts(store.read_feed(alice.id, after=1, limit=1)) == ["two"]
    assert texts(store.read_feed(alice.id, before=3, reverse=True)) == ["two", "one"]
    assert texts(store.read_log()) == ["one", "other", "two", "three"]
    assert texts(store.read_log(reverse=True, limit=2)) == ["three", "two"]
    first = store.read_log(limit=1)[0]
    assert texts(store.read_log(after=first.offset, limit=2)) == ["other", "two"]
    found = store.get(two.key)
    assert found
    assert (found.value, found.value_text) == (two.value, two.text)
    assert store.get(f"%{'A' * 43}=.sha256") is None
    assert store.get("%\ud800") is None


async def test_records_are_as_ssb_server_writes_them(opens: Opens, alice: Voice, folder: Path):
    store = opens()
    store.append(alice.posts("one", "two"))
    times = []
    for kept, stored in zip(store.read_log(), alice.posts("one", "two"), strict=True):
        record = json.loads(kept.record)
        assert list(record) == ["key", "value", "timestamp"]
        assert record["key"] == kept.key
        times.append(record["timestamp"])
        assert kept.received == times[-1]
        assert set(record["value"]) == set(stored.value)
    assert times[0] < times[1]


async def test_everything_is_there_after_reopening(opens: Opens, alice: Voice, bob: Voice):
    store = opens()
    store.append([*alice.posts("one", "two"), *bob.posts("other"), alice.follows(bob.id)])
    own = await store.publish({"type": "about", "about": store.own.id, "name": "The pub"})
    log, clock = store.read_log(), dict(store.clock)
    store.close()
    again = opens()
    assert again.ready.is_set()
    assert again.read_log() == log
    assert dict(again.clock) == clock
    assert again.messages == 5
    assert again.head(again.own.id) == Head(1, own.key)
    assert again.head(alice.id) == alice.head
    assert again.graph.follows(alice.id, bob.id)
    assert again.name_of(again.own.id) == "The pub"
    assert again.append(alice.posts("four"))[0].received > log[-1].received


async def test_a_message_that_does_not_follow_is_not_stored(opens: Opens, alice: Voice, bob: Voice):
    store = opens()
    one, two, three = alice.posts("one", "two", "three")
    store.append([one])
    for wrong in ([one], [three], [two, two], [*bob.posts("fine"), three]):
        with pytest.raises(NotNext):
            store.append(wrong)
    assert texts(store.read_log()) == ["one"]
    store.append([two, three])


async def test_listeners_get_stored_messages_in_order(opens: Opens, alice: Voice):
    store = opens()
    heard: list[Stored] = []
    stop = store.listen(heard.extend)
    store.append(alice.posts("one", "two"))
    own = await store.publish({"type": "post", "text": "mine"})
    assert texts(heard) == ["one", "two", "mine"]
    assert heard[-1] == own
    stop()
    store.append(alice.posts("three"))
    assert len(heard) == 3


async def test_a_listener_that_fails_harms_nobody(opens: Opens, alice: Voice):
    store = opens()
    heard: list[Stored] = []

    def fails(_: Any) -> None:
        raise RuntimeError("not today")

    store.listen(fails)
    store.listen(heard.extend)
    store.append(alice.posts("one"))
    assert texts(heard) == ["one"]


async def test_a_name_is_the_latest_that_a_feed_gave_itself(opens: Opens, alice: Voice, bob: Voice):
    store = opens()
    assert store.name_of(alice.id) is None
    store.append(alice.posts("one"))
    assert store.name_of(alice.id) is None
    for name in ("Alice", "Al\ud800\0", 7, None):
        store.append([alice.says({"type": "about", "about": alice.id, "name": name})])
    store.append([bob.says({"type": "about", "about": alice.id, "name": "Bob's friend"})])
    assert store.name_of(alice.id) == "Al\ud800\0"
    assert store.name_of(bob.id) is None


async def test_uses_of_invites_are_kept_separately(opens: Opens, alice: Voice, bob: Voice):
    store = opens()
    await store.publish({"type": "post", "text": "hello"})
    await store.publish({"type": "contact", "contact": alice.id, "following": True, "pub": True, "note": "a"})
    await store.publish({"type": "contact", "contact": alice.id, "following": False})
    await store.publish({"type": "contact", "contact": bob.id, "following": True, "pub": True, "note": "b"})
    store.append([alice.says({"type": "contact", "contact": bob.id, "following": True, "note": "c"})])
    assert [one.value["content"]["note"] for one in store.invite_uses()] == ["a", "b"]
    assert [one.value["sequence"] for one in store.invite_uses(after=2)] == [4]


async def test_content_that_nobody_would_accept_is_not_published(opens: Opens):
    store = opens()
    for content in ({}, {"type": "x" * 60}, "no box", {"type": "post", "text": "x" * 9000}, None):
        with pytest.raises(InvalidMessage):
            await store.publish(content)
    assert (await store.publish({"type": "post", "text": "hello"})).value["sequence"] == 1


def test_each_read_is_bounded(opens: Opens, alice: Voice, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("scuttlekit.pub.store.reading.MOST_BYTES", 2500)
    store: Store = opens()
    store.append(alice.posts(*["x" * 700] * 5, "x" * 5000))
    assert len(store.read_feed(alice.id)) == 2
    assert len(store.read_feed(alice.id, after=5)) == 1
    for bound in (2**70, -(2**70), 0):
        store.read_feed(alice.id, after=bound, limit=bound, before=bound)
        store.read_log(after=bound, limit=bound, before=bound)
        store.invite_uses(after=bound, limit=bound)
