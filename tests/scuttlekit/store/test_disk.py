"""Acknowledged means on disk; and a full disk loses nothing that was acknowledged."""

import asyncio
import errno
import os
import threading
from pathlib import Path

import pytest

from scuttlekit import KeyPair
from scuttlekit.offsetlog import survey
from scuttlekit.pub.sequence import SequenceNote
from scuttlekit.pub.store import Behind, Store, Stored
from scuttlekit.pub.store.store import INDEX, LOG
from tests.disks import disk, fill
from tests.scuttlekit.peers import eventually
from tests.scuttlekit.store.conftest import Opens
from tests.scuttlekit.store.voices import Voice

POST = {"type": "post", "text": "x" * 1000}

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a disk")


class SlowNote(SequenceNote):
    """A note on a disk that takes until `go`."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.begin()
        self.go = threading.Event()
        self.waits = threading.Event()

    def sync(self) -> None:
        self.waits.set()
        assert self.go.wait(30)
        super().sync()


@pytest.fixture
def note(folder: Path) -> SlowNote:
    return SlowNote(made(folder))


async def test_a_published_message_is_noted_on_disk_before_anybody_hears_of_it(
    opens: Opens, note: SlowNote, alice: Voice
):
    store = opens(note)
    heard: list[Stored] = []
    store.listen(heard.extend)
    publishing = [asyncio.create_task(store.publish({**POST, "number": number})) for number in range(3)]
    await eventually(note.waits.is_set)
    store.append(alice.posts("meanwhile"))
    assert not any(task.done() for task in publishing)
    assert heard == store.read_log() == store.read_feed(store.own.id) == []
    assert store.own.id not in store.clock
    assert store.head(store.own.id).sequence == 3
    assert store.clock[alice.id] == 1

    note.go.set()
    published = await asyncio.gather(*publishing)
    await store.flush()
    assert [one.value["sequence"] for one in published] == [1, 2, 3]
    assert heard == store.read_log()
    assert heard[:3] == published
    assert note.latest == store.clock[store.own.id] == 3


async def test_a_message_is_found_by_its_id_only_once_it_is_on_disk(opens: Opens, note: SlowNote):
    store = opens(note)
    publishing = asyncio.create_task(store.publish(POST))
    await eventually(note.waits.is_set)
    key = store.head(store.own.id).key
    assert store.get(key) is None
    note.go.set()
    await publishing
    assert store.get(key).key == key


async def test_appended_messages_are_soon_on_disk_without_a_request(
    opens: Opens, note: SlowNote, own: KeyPair
):
    """Messages of the pub's own feed that come from others are noted as well."""
    store = opens(note)
    store.append(Voice("", own).posts("one", "two"))
    await eventually(note.waits.is_set)
    note.go.set()
    await store.flush()
    assert note.latest == 2


async def test_closing_a_store_writes_everything_to_disk(opens: Opens, note: SlowNote, own: KeyPair):
    note.go.set()
    store = opens(note)
    store.append(Voice("", own).posts("one"))
    store.close()
    assert SequenceNote(note._path.parent).read() == 1


async def test_a_log_that_is_behind_its_note_publishes_nothing(opens: Opens, folder: Path, own: KeyPair):
    note = SequenceNote(made(folder))
    note.begin()
    note.expect(2)
    store = opens(note)
    mine = Voice("", own)
    for _ in range(2):
        with pytest.raises(Behind, match="message 2"):
            await store.publish(POST)
        store.append(mine.posts("from elsewhere"))
    assert (await store.publish(POST)).value["sequence"] == 3


async def test_publishing_does_not_wait_for_an_endless_stream_of_others(
    opens: Opens, folder: Path, alice: Voice
):
    store = opens(CountingNote(made(folder)))

    async def write() -> None:
        while True:
            store.append(alice.posts("and on"))
            await asyncio.sleep(0)

    writing = asyncio.create_task(write())
    async with asyncio.timeout(30):
        await store.publish(POST)
    writing.cancel()


async def test_many_publishers_share_the_wait_for_the_disk(opens: Opens, folder: Path):
    note = CountingNote(made(folder))
    store = opens(note)
    await asyncio.gather(*[store.publish(POST) for _ in range(100)])
    assert store.clock[store.own.id] == note.latest == 100
    assert note.syncs <= 3


class CountingNote(SequenceNote):
    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.begin()
        self.syncs = 0

    def sync(self) -> None:
        self.syncs += 1
        super().sync()


@as_root
@pytest.mark.parametrize("leave", [0, 1, 2, 3, 5, 8, 13, 21, 34])
async def test_a_full_disk_loses_nothing_that_was_acknowledged(folder: Path, own: KeyPair, leave: int):
    with disk(folder, "1m"):
        note = SequenceNote(folder)
        note.begin()
        store = Store.open(folder, own, note)
        running = asyncio.create_task(store.run())
        alice = Voice("alice")
        store.append(alice.posts("one"))
        await store.publish(POST)
        fill(folder / "filler", leave)
        said: list[Stored] = []
        with pytest.raises(OSError) as full:
            await publish_into(store, said)
        acknowledged = 1 + len(said)
        assert full.value.errno == errno.ENOSPC
        with pytest.raises(OSError):
            await running
        for _ in range(2):
            with pytest.raises(OSError):
                store.append(alice.posts("two"))
        await shut(store)

        log = folder / LOG
        with log.open("rb") as file:
            found = survey(file, log.stat().st_size, own.id)
        assert (found.whole, found.damaged) == (log.stat().st_size, False)
        assert found.sequence == acknowledged == SequenceNote(folder).read()

        (folder / "filler").unlink()
        store = Store.open(folder, own)
        await store.index()
        assert len(store.read_feed(own.id)) == acknowledged == store.clock[own.id]
        await store.publish(POST)
        await shut(store)


@as_root
async def test_a_full_disk_at_the_start_is_reported(folder: Path, own: KeyPair):
    with disk(folder, "1m"):
        store = Store.open(folder, own)
        store.append(Voice("alice").posts(*["x" * 1000] * 100))
        store.close()
        (folder / INDEX).unlink()
        fill(folder / "filler")
        with pytest.raises(OSError) as full:
            await indexed(folder, own)
        assert full.value.errno == errno.ENOSPC
        (folder / "filler").unlink()
        store = await indexed(folder, own)
        assert store.messages == 100
        store.close()


def made(folder: Path) -> Path:
    folder.mkdir()
    return folder


async def publish_into(store: Store, said: list[Stored]) -> None:
    while len(said) < 100:
        said.append(await store.publish(POST))


async def indexed(folder: Path, own: KeyPair) -> Store:
    store = Store.open(folder, own)
    await store.index()
    return store


async def shut(store: Store) -> None:
    try:
        store.close()
    except OSError as error:
        assert error.errno == errno.ENOSPC
