"""What makes room when the pub takes as much of the disk as it may: which blobs go, and whose messages are taken in."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from scuttlekit import KeyPair
from scuttlekit.pub.blobs import BlobStore, Holdings
from scuttlekit.pub.blobs.store import digest_of
from scuttlekit.pub.limits import Limits
from scuttlekit.pub.quota import FOR_ALL, FOR_BLOBS, FOR_FAR, FOR_ONE, Level, Quota
from scuttlekit.pub.store import Store
from tests.scuttlekit.store.voices import Voice

OWN = KeyPair(b"o" * 32)
SIZE = 4096


class House:
    """A pub's folder with its messages and blobs, and a quota on it."""

    def __init__(self, folder: Path, **limits: int) -> None:
        self.store = Store.open(folder, OWN)
        self.blobs = BlobStore(folder)
        self.holdings = Holdings(self.blobs, self.store)
        self.limits = Limits(limits)
        self.quota = Quota(folder, self.store, self.blobs, self.limits)
        self.own, self.alice, self.bob, self.far = Voice("", OWN), Voice("alice"), Voice("bob"), Voice("far")
        self.store.append([self.own.follows(self.alice.id), self.own.follows(self.bob.id)])

    async def blob(self, sign: str, since: int, *linked_by: Voice, size: int = SIZE) -> str:
        """A blob that came at `since` and that these link; its id."""
        with self.blobs.draft(None, size) as draft:
            draft.write(sign.encode() * size)
            blob = await draft.file()
        # As if it had come earlier or later: all of them come within one second.
        with self.store.shelf() as shelf:
            shelf.put([(digest_of(blob), size, since)])
        for voice in linked_by:
            self.store.append(voice.posts(blob))
        return blob

    def comes(self, blob: str, size: int = SIZE) -> bool:
        with self.quota.coming(blob, size) as has_room:
            return has_room

    def here(self, *blobs: str) -> list[bool]:
        return [self.blobs.size(blob) is not None for blob in blobs]


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    house = House(tmp_path / "data", blobs=6 * SIZE)
    yield house
    house.store.close()


async def test_blobs_go_in_the_stated_order_and_the_pubs_own_stays(house: House):
    own = await house.blob("o", 1, house.own)
    older = await house.blob("1", 2, house.alice)
    bobs = await house.blob("b", 3, house.bob)
    alices = await house.blob("2", 4, house.alice)
    later = await house.blob("y", 6, house.far)
    nobodys = await house.blob("x", 5)
    every = (own, older, bobs, alices, nobodys, later)
    assert house.here(*every) == [True] * 6
    wanted = await house.blob("w", 9)
    house.blobs.remove(wanted)

    house.store.append(house.alice.posts(wanted))
    assert house.comes(wanted)
    assert house.here(*every) == [True, True, True, True, False, True], "whom nobody links first"
    assert house.comes(wanted, 2 * SIZE)
    assert house.here(*every) == [True, True, True, True, False, False], "then whom strangers link"
    assert house.comes(wanted, 3 * SIZE)
    assert house.here(*every) == [True, False, True, True, False, False], "then the oldest of whose take most"
    assert (house.quota.removed_blobs, house.quota.removed_bytes) == (3, 3 * SIZE)
    assert not house.comes(wanted, 6 * SIZE), "what the pub itself links stays"
    assert house.here(own) == [True]
    assert house.limits.refused["blobs"] == 1


async def test_a_blob_that_nobody_near_links_takes_the_place_of_none_that_somebody_does(house: House):
    kept = [await house.blob(sign, 1, house.alice) for sign in "123456"]
    strange = await house.blob("s", 2)
    house.blobs.remove(strange)
    for _ in range(2):
        assert not house.comes(strange)
    assert house.here(*kept) == [True] * 6
    assert house.limits.refused["blobs"] == 2


async def test_room_is_kept_for_what_comes(house: House):
    blob = await house.blob("s", 2)
    with house.quota.coming(blob, 4 * SIZE) as first:
        assert first
        assert not house.comes("&" + blob[1:], 3 * SIZE)
    assert house.comes(blob, 3 * SIZE)


async def test_small_blobs_count_as_what_they_take_of_the_disk(tmp_path: Path):
    """A flood of blobs of one byte each would take thousands of times its size."""
    house = House(tmp_path / "data", blobs=6 * SIZE)
    small = [await house.blob(sign, 1, house.alice, size=1) for sign in "12345"]
    assert house.quota.figures()["blobs"] == 5 * SIZE
    wanted = await house.blob("w", 2, house.bob, size=1)
    house.blobs.remove(wanted)
    assert house.comes(wanted, 1)
    assert house.here(*small) == [True] * 5
    assert house.comes(wanted, SIZE + 1)
    assert house.here(*small).count(True) == 4
    house.store.close()


async def test_whose_messages_are_taken_in_depends_on_what_they_take(tmp_path: Path):
    most = 40_000
    house = House(tmp_path / "data", disk=most)
    changes: list[Level] = []
    house.quota.on_change(lambda: changes.append(house.quota.level))

    def says(voice: Voice, part: float) -> None:
        """Somebody speaks until the log takes that part of what it may."""
        while house.store.log_size < part * most:
            (message,) = house.store.append(voice.posts("x" * 500))
            house.quota.hear({voice.id: len(message.record)})

    def grows() -> list[bool]:
        each = ((house.own, 0), (house.alice, 1), (house.bob, 1), (house.far, 2))
        return [house.quota.may_grow(voice.id, distance) for voice, distance in each]

    says(house.far, FOR_FAR - 0.05)
    assert grows() == [True] * 4
    says(house.far, FOR_FAR)
    assert grows() == [True, True, True, False]
    assert changes == [Level.MEMBERS]
    says(house.alice, FOR_FAR + FOR_ONE + 0.03)
    assert grows() == [True, False, True, False], "she takes a tenth by herself"
    says(house.bob, FOR_ALL)
    assert grows() == [True, False, False, False]
    assert changes == [Level.MEMBERS, Level.MEMBERS, Level.NONE]
    told = house.quota.figures()
    assert (told["most"], told["log"], told["takes"]) == (most, house.store.log_size, "none")
    blob = await house.blob("x", 1)
    assert FOR_BLOBS < FOR_ALL
    assert not house.comes(blob), "messages need the room"
    assert house.here(blob) == [False]
    house.store.close()
