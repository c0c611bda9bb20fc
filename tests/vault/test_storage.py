"""Storage that answers late, twice, not at all, or is full, or lies about its list; and a sender that is killed anywhere."""

import uuid
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pyrage
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase
from obstore.store import LocalStore

from butt import storage
from butt.storage import Store, store_at
from butt.vault import VaultAway, VaultTrouble
from butt.vault import sender as sender_module
from butt.vault.keeper import VaultKeeper
from butt.vault.reading import read
from butt.vault.writing import StoredDelta, VaultWriter, things_of
from tests.s3 import s3_server
from tests.vault.between import Between
from tests.vault.folders import Folder

KEY = pyrage.x25519.Identity.generate()
GIB = 1 << 30


@pytest.fixture(scope="module")
def between() -> Iterator[Between]:
    with s3_server() as bucket, pytest.MonkeyPatch.context() as patch:
        made = Between(bucket["AWS_ENDPOINT"]).start()
        for name, value in (bucket | {"AWS_ENDPOINT": made.url}).items():
            patch.setenv(name, value)
        patch.setattr(storage, "TRIES", timedelta(seconds=1))
        patch.setattr(storage, "ANSWER", timedelta(seconds=20))
        yield made
        made.stop()


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender_module, "WAIT", 0.0)
    monkeypatch.setattr(sender_module, "BLOBS_EVERY", 0.0)


def sender(store: Store, folder: Folder) -> VaultKeeper:
    vault = VaultWriter(store, KEY.to_public(), KEY.to_public())
    return VaultKeeper(vault, folder.data.parents[1], GIB)


def comes_back(store: Store, bot_id: uuid.UUID, folder: Folder, place: Path) -> bytes:
    place.mkdir()
    read(store, bot_id, folder.keys.id, [KEY], place)
    return (place / "flume" / "log.offset").read_bytes()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("fault", "times", "tries"),
    [("late", 6, 1), ("twice", 2, 1), ("busy", 2, 1), ("cut", 2, 1), ("full", 60, 20), ("busy", 60, 20)],
)
def test_nothing_is_lost_and_nothing_is_there_twice(
    between: Between, tmp_path: Path, fault: str, times: int, tries: int
):
    bot_id = uuid.uuid4()
    folder = Folder(tmp_path / str(bot_id) / "data")
    store = store_at("s3://copies/faults")
    folder.says(3)
    folder.has_blob(b"a picture")
    between.does(fault, times)
    sends = sender(store, folder)
    failed = 0
    for _ in range(tries):
        try:
            sends.send(bot_id, folder.keys.id)
            break
        except VaultAway:
            failed += 1
    else:
        pytest.fail("it never came through")
    between.does("")
    if tries > 1:
        assert failed, "the fault was met"
    folder.says(2)
    sends.send(bot_id, folder.keys.id)
    names = [name.partition("/")[0] for name, _ in things_of(store, bot_id)]
    assert sorted(names) == ["blobs", "log", "log", "secret"]
    assert comes_back(store, bot_id, folder, tmp_path / "back") == folder.log.read_bytes()


@pytest.mark.django_db
def test_a_list_that_leaves_things_out_makes_it_send_again_and_breaks_nothing(
    between: Between, tmp_path: Path
):
    bot_id = uuid.uuid4()
    folder = Folder(tmp_path / str(bot_id) / "data")
    store = store_at("s3://copies/lies")
    folder.says(3)
    sender(store, folder).send(bot_id, folder.keys.id)
    between.does("lies")
    sender(store, folder).send(bot_id, folder.keys.id)
    between.does("")
    folder.says(1)
    sender(store, folder).send(bot_id, folder.keys.id)
    assert comes_back(store, bot_id, folder, tmp_path / "back") == folder.log.read_bytes()


@pytest.mark.django_db
def test_where_nothing_may_be_removed_all_goes_on_and_only_uses_more_room(
    between: Between, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sender_module, "SMALL_PIECES", 3)
    bot_id = uuid.uuid4()
    folder = Folder(tmp_path / str(bot_id) / "data")
    store = store_at("s3://copies/keeps")
    sends = sender(store, folder)
    between.does("keeps")
    for _ in range(5):
        folder.says(1)
        sends.send(bot_id, folder.keys.id)
    between.does("")
    assert sum(name.startswith("log/") for name, _ in things_of(store, bot_id)) > 5
    assert comes_back(store, bot_id, folder, tmp_path / "back") == folder.log.read_bytes()
    folder.says(1)
    sends.send(bot_id, folder.keys.id)
    assert comes_back(store, bot_id, folder, tmp_path / "again") == folder.log.read_bytes()


@pytest.mark.django_db
def test_what_is_listed_but_not_there_is_told_from_storage_that_is_away(between: Between, tmp_path: Path):
    bot_id = uuid.uuid4()
    folder = Folder(tmp_path / str(bot_id) / "data")
    store = store_at("s3://copies/lacks")
    folder.says(1)
    sender(store, folder).send(bot_id, folder.keys.id)
    for fault, is_away in (("lacks", False), ("denied", True), ("busy", True)):
        between.does(fault)
        with pytest.raises(VaultTrouble) as found:
            comes_back(store, bot_id, folder, tmp_path / fault)
        assert isinstance(found.value, VaultAway) == is_away
    between.does("")


class Killed(BaseException):
    """As `kill -9` ends a program: nothing of it goes on."""


class Mortal(VaultWriter):
    """A sender that is killed at the step with this number: either before the step, or after it and before it is recorded."""

    def __init__(self, store: Store, step: int) -> None:
        super().__init__(store, KEY.to_public(), KEY.to_public())
        self._step = step

    def _put(self, bot_id: uuid.UUID, name: str, sealed: bytes) -> StoredDelta:
        self._step -= 1
        if self._step == 0:
            raise Killed
        size = super()._put(bot_id, name, sealed)
        self._step -= 1
        if self._step == 0:
            raise Killed
        return size


class KilledAnywhere(TestCase):
    @settings(max_examples=25, deadline=None)
    @given(st.lists(st.tuples(st.integers(0, 4), st.booleans(), st.integers(1, 9)), max_size=6))
    def test_whatever_was_killed_all_comes_in_the_end_and_once(
        self, steps: list[tuple[int, bool, int]]
    ) -> None:
        import tempfile

        bot_id = uuid.uuid4()
        with tempfile.TemporaryDirectory() as name:
            place = Path(name)
            folder = Folder(place / "bots" / str(bot_id) / "data")
            store = LocalStore(place / "vault", mkdir=True)
            for number, (count, has_blob, step) in enumerate(steps):
                folder.says(count)
                if has_blob:
                    folder.has_blob(bytes([number]))
                with suppress(Killed):
                    VaultKeeper(Mortal(store, step), place / "bots", GIB).send(bot_id, folder.keys.id)
            folder.says(1)
            sender(store, folder).send(bot_id, folder.keys.id)
            assert comes_back(store, bot_id, folder, place / "back") == folder.log.read_bytes()
            there = [one for one, _ in things_of(store, bot_id)]
            starts = [one.split("-")[-3] for one in there if one.startswith("log/")]
            assert len(starts) == len(set(starts)), "no piece is there twice"
            blobs = sum(has_blob for _, has_blob, _ in steps)
            assert sum(one.startswith("blobs/") for one in there) == blobs
