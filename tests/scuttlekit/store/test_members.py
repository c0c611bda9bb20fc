"""Whom the pub follows and blocks, with what is here of each."""

import base64
from collections.abc import Callable
from pathlib import Path

import pytest

from scuttlekit import KeyPair
from scuttlekit.offsetlog import FRAME
from scuttlekit.pub.store import SORTS, Member, Search, Store
from scuttlekit.pub.store.store import INDEX
from tests.scuttlekit.store.voices import BEGAN, Voice

BLOB = f"&{base64.b64encode(b'b' * 32).decode()}.sha256"
ALL = ("follows", "blocks", "none")

Opens = Callable[..., Store]


@pytest.fixture
def own_voice(own: KeyPair) -> Voice:
    return Voice("own", own)


def found(store: Store, **asked: object) -> list[str]:
    members, _ = store.find_members(Search(**{"relations": ALL, **asked}))
    return [member.id for member in members]


def one(store: Store, feed: str) -> Member:
    (member,), total = store.find_members(Search(relations=ALL, text=feed))
    assert total == 1
    return member


async def test_the_last_message_about_somebody_counts_and_the_first_dates_it(
    opens: Opens, own_voice: Voice, alice: Voice, bob: Voice
):
    store = opens()
    use = {"type": "contact", "contact": alice.id, "following": True, "pub": True, "note": "n1"}
    again = {"type": "contact", "contact": alice.id, "following": True, "note": "no invite"}
    store.append([own_voice.says(use), own_voice.follows(bob.id), own_voice.says(again)])
    assert one(store, alice.id)[2:5] == ("follows", BEGAN, "n1")
    assert store.count_members() == {"follows": 2, "blocks": 0, "none": 0}
    store.append([own_voice.says({"type": "contact", "contact": alice.id, "blocking": True})])
    store.append([own_voice.says({"type": "contact", "contact": bob.id, "following": False})])
    assert one(store, alice.id)[2:5] == ("blocks", BEGAN + 3, "n1")
    assert store.count_members() == {"follows": 0, "blocks": 1, "none": 1}
    assert found(store, relations=("blocks",)) == [alice.id]
    assert found(store, note="n1") == [alice.id]
    assert found(store, note="n2") == []


async def test_other_peoples_follows_are_not_the_pubs(opens: Opens, alice: Voice, bob: Voice):
    store = opens()
    store.append([alice.follows(bob.id)])
    assert store.find_members(Search(relations=ALL)) == ([], 0)


async def test_messages_and_blobs_of_a_member_are_counted(
    opens: Opens, own_voice: Voice, alice: Voice, folder: Path
):
    store = opens()
    store.append([own_voice.follows(alice.id)])
    nothing = one(store, alice.id)
    assert (nothing.name, nothing.seen, nothing.messages, nothing.bytes, nothing.blob_bytes) == (
        None,
        0,
        0,
        0,
        0,
    )
    kept = store.append(
        [
            alice.says({"type": "about", "about": alice.id, "name": "Al\0ice \ud800" + "!" * 300}),
            alice.says({"type": "post", "text": f"![a]({BLOB}) {BLOB}", "mentions": [{"link": BLOB}]}),
        ]
    )
    with store.shelf() as shelf:
        shelf.put([(b"b" * 32, 700, 5), (b"c" * 32, 800, 6)])
    alive = one(store, alice.id)
    assert alive.name == ("Al\N{REPLACEMENT CHARACTER}ice ?" + "!" * 300)[:200]
    assert alive.messages == 2
    assert alive.bytes == sum(len(message.record) + FRAME for message in kept)
    assert alive.blob_bytes == 700
    assert alive.seen == int(kept[-1].received)
    store.close()
    (folder / INDEX).unlink()
    anew = opens()
    await anew.index()
    with anew.shelf() as shelf:
        shelf.put([(b"b" * 32, 700, 5)])
    assert one(anew, alice.id) == alive
    with anew.shelf() as shelf:
        shelf.take(b"b" * 32)
    assert one(anew, alice.id).blob_bytes == 0


async def test_a_peer_that_connected_counts_as_seen_without_messages(
    opens: Opens, own_voice: Voice, alice: Voice
):
    store = opens()
    store.append([own_voice.follows(alice.id)])
    store.see([alice.id, own_voice.id])
    assert one(store, alice.id).seen > BEGAN


async def test_members_are_sorted_searched_and_listed_in_pages(opens: Opens, own_voice: Voice):
    store = opens()
    voices = [Voice(name) for name in ("carol", "Älfred", "bob", "dan%")]
    store.append([own_voice.follows(voice.id) for voice in voices])
    for count, voice in enumerate(voices[:3]):
        said = [voice.says({"type": "about", "about": voice.id, "name": f"{'cäb'[count]} of {count}"})]
        store.append([*said, *voice.posts(*"x" * (3 - count))])
    carol, alfred, bob, dan = (voice.id for voice in voices)
    assert found(store, sort="since") == [dan, bob, alfred, carol]
    assert found(store, sort="messages") == [carol, alfred, bob, dan]
    assert found(store, sort="bytes", descending=False) == [dan, bob, alfred, carol]
    assert found(store, sort="name", descending=False)[:2] == [bob, carol]
    assert found(store, sort="seen")[0] == bob
    assert found(store, text="B OF") == [bob]
    assert found(store, text="%") == [], "no sign of SQL's"
    assert found(store, text=dan[3:20]) == [dan]
    pages = [store.find_members(Search(relations=ALL, after=after, limit=3)) for after in (0, 3, 9)]
    assert [([one.id for one in page], total) for page, total in pages] == [
        ([dan, bob, alfred], 4),
        ([carol], 4),
        ([], 4),
    ]


@pytest.mark.parametrize("sort", SORTS)
async def test_each_order_can_be_reversed(opens: Opens, own_voice: Voice, sort: str):
    store = opens()
    for number in range(5):
        voice = Voice(f"v{number}")
        store.append([own_voice.follows(voice.id)])
        named = {"type": "about", "about": voice.id, "name": f"n{number}"}
        linked = f"&{base64.b64encode(bytes([number]) * 32).decode()}.sha256"
        store.append([voice.says(named), *voice.posts(linked, *"x" * number)])
        with store.shelf() as shelf:
            shelf.put([(bytes([number]) * 32, 10 + number, 0)])
    up, down = (found(store, sort=sort, descending=way) for way in (False, True))
    assert up == down[::-1]
    assert len(set(up)) == 5
