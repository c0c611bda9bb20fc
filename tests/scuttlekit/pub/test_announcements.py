"""Addresses that people announce: if `gossip.json` is gone, the log still has them."""

from scuttlekit import KeyPair
from scuttlekit.pub.announcements import Announcements
from scuttlekit.pub.gossip import Gossip
from scuttlekit.pub.limits import Limits
from scuttlekit.pub.store import Store
from tests.scuttlekit.store.voices import Voice


def announcement(key: str) -> dict:
    return {"type": "pub", "address": {"host": "pub.example.com", "port": 8008, "key": key}}


async def test_without_known_addresses_the_log_is_searched_once(tmp_path):
    alice, stranger = Voice("alice"), Voice("stranger")
    near, far = Voice("near").id, Voice("far").id
    store = Store.open(tmp_path, KeyPair(b"o" * 32))
    await store.index()
    store.append([*alice.posts(*"ab"), alice.says(announcement(near)), stranger.says(announcement(far))])
    gossip = Gossip(tmp_path, 100)
    gossip.read()
    assert gossip.is_new
    announcements = Announcements(
        gossip,
        Limits(),
        store.own.id,
        fenced=True,
        is_known=lambda feed: feed == alice.id,
        hurry=lambda: None,
    )
    await announcements.recall(store)
    assert [known.key for known in gossip] == [near]
    gossip.write()
    again = Gossip(tmp_path, 100)
    again.read()
    assert not again.is_new
    assert [known.key for known in again] == [near]
    store.close()
