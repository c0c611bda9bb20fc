"""Whatever happened to the log or to its index: what was acknowledged is there, and the index is made again."""

import os
import shutil
from pathlib import Path

import pytest

from scuttlekit.pub.store import LogDamaged, Store
from scuttlekit.pub.store.store import INDEX, LOG
from tests.scuttlekit.store.conftest import Opens
from tests.scuttlekit.store.test_store import texts
from tests.scuttlekit.store.voices import Voice


async def test_an_index_that_is_gone_is_made_again(opens: Opens, alice: Voice, bob: Voice, folder: Path):
    store = opens()
    store.append([*alice.posts(*"abc"), alice.follows(bob.id)])
    store.close()
    (folder / INDEX).unlink()
    again = opens()
    await again.index()
    assert again.ready.is_set()
    assert texts(again.read_feed(alice.id, limit=3)) == ["a", "b", "c"]
    assert again.graph.follows(alice.id, bob.id)


async def test_a_log_that_lacks_its_end_goes_on_after_its_last_whole_record(
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


async def test_a_log_that_goes_on_further_than_the_index_is_taken_in(
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


async def _made(opens: Opens) -> Store:
    store = opens()
    await store.index()
    return store
