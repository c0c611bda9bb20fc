"""Whatever happened to the log or its index: acknowledged messages are there, and the index is made again."""

import asyncio
import os
import shutil
import sqlite3
from pathlib import Path

import pytest

from scuttlekit import KeyPair
from scuttlekit.pub.sequence import SequenceNote
from scuttlekit.pub.store import LogDamaged, NotReady, Store
from scuttlekit.pub.store.store import INDEX, LOG
from tests.scuttlekit.store.conftest import Opens
from tests.scuttlekit.store.test_store import texts
from tests.scuttlekit.store.voices import Voice


async def test_a_missing_index_is_made_again(opens: Opens, alice: Voice, bob: Voice, folder: Path):
    store = opens()
    store.append([*alice.posts(*"abc"), alice.follows(bob.id)])
    store.close()
    (folder / INDEX).unlink()
    again = opens()
    await again.index()
    assert again.ready.is_set()
    assert texts(again.read_feed(alice.id, limit=3)) == ["a", "b", "c"]
    assert again.graph.follows(alice.id, bob.id)


async def test_an_index_whose_last_page_is_cut_is_made_again(opens: Opens, alice: Voice, folder: Path):
    """SQLite would read zeros for the missing part, and not report messages that are there."""
    store = opens()
    kept = store.append(alice.posts(*"abc"))
    store.close()
    index = folder / INDEX
    os.truncate(index, index.stat().st_size - 1000)
    again = opens()
    await again.index()
    assert [again.get(one.key) for one in kept] == kept


async def test_a_truncated_log_continues_after_its_last_whole_record(
    opens: Opens, alice: Voice, folder: Path
):
    store = opens()
    store.append(alice.posts("one", "two"))
    store.close()
    log = folder / LOG
    os.truncate(log, log.stat().st_size - 20)
    again = opens()
    await again.index()
    assert texts(again.read_log()) == ["one"]
    assert dict(again.clock) == {alice.id: 1}
    assert again.progress[0] == log.stat().st_size


async def test_a_log_that_is_ahead_of_the_index_is_indexed(
    opens: Opens, alice: Voice, folder: Path, tmp_path: Path
):
    store = opens()
    store.append(alice.posts("one"))
    store.close()
    shutil.copy(folder / INDEX, tmp_path / "old")
    store = opens()
    store.append(alice.posts("two"))
    store.close()
    shutil.copy(tmp_path / "old", folder / INDEX)
    assert texts(opens().read_log()) == ["one", "two"]


async def test_damage_is_found_when_the_log_is_indexed(opens: Opens, alice: Voice, folder: Path):
    store = opens()
    store.append(alice.posts("one", "two"))
    store.close()
    (folder / INDEX).unlink()
    with (folder / LOG).open("r+b") as file:
        file.seek(4)
        file.write(b"!" * 20)
    with pytest.raises(LogDamaged, match=r"byte 0.*not older"):
        await _made(opens)


async def test_a_deleted_message_is_skipped(opens: Opens, alice: Voice, folder: Path):
    """As flumelog-offset deletes: with zeros over it."""
    store = opens()
    store.append(
        [
            *alice.posts("one"),
            alice.says({"type": "about", "about": alice.id, "name": "Al"}),
            *alice.posts("three"),
        ]
    )
    place, key = store.read_log()[1].offset, store.read_log()[1].key
    length = len(store.read_log()[1].record)
    store.close()
    with (folder / LOG).open("r+b") as file:
        file.seek(place + 4)
        file.write(bytes(length))
    store = opens()
    assert store.name_of(alice.id) is None
    assert store.get(key) is None
    assert store.read_log(after=place - 1, limit=1) == store.read_log()[1:]
    assert texts(store.read_feed(alice.id)) == ["one", "three"]
    assert store.messages == 2
    (folder / INDEX).unlink()
    assert texts(opens().read_feed(alice.id)) == ["one", "three"]


async def test_damage_is_found_when_it_is_read(opens: Opens, alice: Voice, folder: Path):
    store = opens()
    store.append(alice.posts("one", "two"))
    place = store.read_log()[1].offset
    with (folder / LOG).open("r+b") as file:
        file.seek(place + 100)
        file.write(bytes(20))
    running = asyncio.create_task(store.run())
    assert texts(store.read_feed(alice.id, before=2)) == ["one"]
    with pytest.raises(LogDamaged, match=f"byte {place}: .*zeros"):
        store.read_feed(alice.id)
    with pytest.raises(LogDamaged):
        await running


async def test_a_broken_frame_counts_as_damage_and_is_not_blamed_on_the_index(
    opens: Opens, alice: Voice, folder: Path
):
    store = opens()
    store.append(alice.posts(*"abc"))
    place = store.read_log()[1].offset
    with (folder / LOG).open("r+b") as file:
        file.seek(place)
        file.write(b"\0\0\1\1")
    running = asyncio.create_task(store.run())
    with pytest.raises(NotReady):
        store.read_feed(alice.id)
    with pytest.raises(LogDamaged, match=f"byte {place}"):
        await running


async def test_an_index_that_breaks_while_it_is_used_is_made_again(
    opens: Opens, alice: Voice, bob: Voice, folder: Path
):
    store = opens()
    store.append(alice.posts(*"abc"))
    store.close()
    with sqlite3.connect(folder / INDEX) as index:
        index.execute("UPDATE messages SET offset = offset + 1 WHERE sequence = 2")
    index.close()
    store = opens()
    with pytest.raises(NotReady):
        store.read_feed(alice.id)
    await asyncio.wait_for(store.ready.wait(), 10)
    assert texts(store.read_feed(alice.id)) == ["a", "b", "c"]
    store.append([*alice.posts("d"), *bob.posts("e")])
    assert texts(store.read_log()) == [*"abcde"]


async def test_a_log_is_not_behind_on_the_word_of_its_index(opens: Opens, own: KeyPair, folder: Path):
    store = opens()
    for text in "abc":
        await store.publish({"type": "post", "text": text})
    store.close()
    with sqlite3.connect(folder / INDEX) as index:
        index.execute("UPDATE feeds SET sequence = 1, offset = 0")
    index.close()
    note = SequenceNote(folder)
    note.begin()
    note.expect(3)
    store = opens(note)
    assert store.head(own.id).sequence == store.clock[own.id] == 3
    assert (await store.publish({"type": "post", "text": "d"})).value["sequence"] == 4


async def test_removing_an_open_index_does_not_prevent_an_orderly_end(
    opens: Opens, alice: Voice, folder: Path
):
    store = opens()
    store.append(alice.posts("one"))
    for path in (folder / INDEX).parent.glob("index.sqlite*"):
        path.unlink()
    store.append(alice.posts("two"))
    store.close()
    store = opens()
    await store.index()
    assert texts(store.read_log()) == ["one", "two"]


@pytest.mark.parametrize("said", [b"", b"an earlier run of the machine"])
async def test_an_index_that_was_written_when_the_machine_stopped_is_not_used(
    opens: Opens, alice: Voice, folder: Path, said: bytes, caplog: pytest.LogCaptureFixture
):
    store = opens()
    mark = folder / f"{INDEX}-open"
    store.append(alice.posts("one"))
    assert mark.exists()
    store.close()
    assert not mark.exists()
    mark.write_bytes(said)
    store = opens()
    assert texts(store.read_log()) == ["one"]
    assert "the machine stopped" in caplog.text


async def test_a_large_log_is_indexed_while_others_have_their_turn(opens: Opens, alice: Voice, folder: Path):
    store = opens()
    for _ in range(10):
        store.append(alice.posts(*["x" * 3000] * 30))
    store.close()
    (folder / INDEX).unlink()
    store = opens()
    assert not store.ready.is_set()
    for ask in (
        lambda: store.head(alice.id),
        lambda: store.read_feed(alice.id),
        store.read_log,
        lambda: store.get("%"),
        lambda: store.append([]),
        lambda: store.name_of(alice.id),
        store.invite_uses,
    ):
        with pytest.raises(NotReady):
            ask()
    with pytest.raises(NotReady):
        await store.publish({"type": "post"})
    running = asyncio.create_task(store.run())
    seen = []
    while not store.ready.is_set():
        seen.append(store.progress[0])
        await asyncio.sleep(0)
    assert len(set(seen)) > 5
    assert seen == sorted(seen)
    assert store.progress[0] == store.progress[1]
    assert (store.messages, store.clock[alice.id]) == (300, 300)
    running.cancel()


async def test_a_cut_log_takes_the_indexes_of_ssb_server_with_it(opens: Opens, alice: Voice, folder: Path):
    """They record how far they came by a byte of the log, and would take what comes there later for what they
    know.
    """
    store = opens()
    store.append(alice.posts("one", "two"))
    store.close()
    theirs = [folder / "flume" / name for name in ("last.json", "clock/MANIFEST")]
    theirs[1].parent.mkdir()
    for path in theirs:
        path.touch()
    opens().close()
    assert all(path.exists() for path in theirs)
    log = folder / LOG
    os.truncate(log, log.stat().st_size - 1)
    opens().close()
    assert {path.name for path in log.parent.iterdir()} == {LOG.name, INDEX.name}


async def _made(opens: Opens) -> Store:
    store = opens()
    await store.index()
    return store
