"""What is sent to the vault, and read back from it: all of it, once, and nothing of another identity."""

import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import obstore
import pyrage
import pytest
from obstore.store import LocalStore

from butt.agents.models import Progress
from butt.agents.states import State
from butt.vault import VaultTrouble, keeper, reading, sealing, writing
from butt.vault import sender as sender_module
from butt.vault.keeper import VaultKeeper
from butt.vault.models import Vaulted
from butt.vault.reading import read
from butt.vault.sender import SMALL
from butt.vault.writing import VERSIONS, VaultWriter, things_of
from scuttlekit.keys import KeyPair
from tests.people import bot_in, person
from tests.vault.folders import Folder

pytestmark = pytest.mark.django_db

BOT = uuid.uuid4()
GIB = 1 << 30


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything is sent at once, instead of waiting until there is more to send."""
    monkeypatch.setattr(sender_module, "WAIT", 0.0)
    monkeypatch.setattr(sender_module, "BLOBS_EVERY", 0.0)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "bots" / str(BOT) / "data")


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "vault", mkdir=True)


@pytest.fixture
def key() -> Any:
    return pyrage.x25519.Identity.generate()


@pytest.fixture
def second() -> Any:
    return pyrage.x25519.Identity.generate()


def keeps(store: LocalStore, folder: Folder, key: Any, second: Any) -> VaultKeeper:
    return VaultKeeper(VaultWriter(store, key.to_public(), second.to_public()), folder.data.parents[1], GIB)


def names_of(store: LocalStore, bot_id: uuid.UUID) -> Iterator[str]:
    return (name for name, _ in things_of(store, bot_id))


def test_all_comes_back_as_it_was_though_the_sender_was_killed(
    store: LocalStore, folder: Folder, key: Any, second: Any, tmp_path: Path
):
    first = keeps(store, folder, key, second)
    folder.has_blob(b"a picture")
    for name in SMALL.values():
        (folder.data / name).write_text("[]")
    folder.says(3)
    first.send(BOT, folder.keys.id)
    folder.says(2)
    whole = folder.log.read_bytes()
    folder.log.write_bytes(whole + b"\0\0\1")  # a record on its way
    first.send(BOT, folder.keys.id)
    sent = set(names_of(store, BOT))
    keeps(store, folder, key, second).send(BOT, folder.keys.id)
    assert set(names_of(store, BOT)) == sent, "another one sends nothing again"
    assert sum(name.startswith("log/") for name in sent) == 2

    back = tmp_path / "back"
    back.mkdir()
    copy = read(store, BOT, folder.keys.id, [key, second], back)
    assert (copy.messages, copy.sequence, copy.blobs) == (5, 5, 1)
    assert (back / "flume" / "log.offset").read_bytes() == whole
    for name in ("secret", *SMALL.values()):
        assert (back / name).read_bytes() == (folder.data / name).read_bytes()
    blobs = {path.relative_to(folder.data) for path in folder.data.glob("blobs/sha256/*/*")}
    assert {path.relative_to(back) for path in back.glob("blobs/sha256/*/*")} == blobs


def test_what_lies_there_says_nothing_without_the_keys(
    store: LocalStore, folder: Folder, key: Any, second: Any, tmp_path: Path
):
    folder.says(1, "a thing that is told to nobody")
    keeps(store, folder, key, second).send(BOT, folder.keys.id)
    for name in names_of(store, BOT):
        content = bytes(obstore.get(store, f"bots/{BOT}/{name}").bytes())
        assert content.startswith(b"age-encryption.org/v1")
    with pytest.raises(VaultTrouble, match="cannot be opened with this key"):
        read(store, BOT, folder.keys.id, [key], tmp_path / "nowhere")


def test_a_log_that_does_not_go_on_from_the_vault_begins_another_line(
    store: LocalStore, folder: Folder, key: Any, second: Any, tmp_path: Path
):
    """A bot comes back from the line that has more of its own messages."""
    folder.says(5)
    keeps(store, folder, key, second).send(BOT, folder.keys.id)
    whole = folder.log.read_bytes()
    folder.log.write_bytes(b"")
    folder.last = None
    folder.says(2, "another beginning")
    keeps(store, folder, key, second).send(BOT, folder.keys.id)
    back = tmp_path / "back"
    back.mkdir()
    assert read(store, BOT, folder.keys.id, [key, second], back).sequence == 5
    assert (back / "flume" / "log.offset").read_bytes() == whole


def test_a_folder_of_another_identity_is_never_sent(store: LocalStore, folder: Folder, key: Any, second: Any):
    folder.says(1)
    with pytest.raises(FileNotFoundError, match="another's"):
        keeps(store, folder, key, second).send(BOT, KeyPair.generate().id)
    assert list(names_of(store, BOT)) == []


def test_a_fork_of_the_bots_own_feed_is_refused(
    store: LocalStore, folder: Folder, key: Any, second: Any, tmp_path: Path
):
    folder.says(2)
    folder.last = None
    folder.says(1, "a number that was used")
    keeps(store, folder, key, second).send(BOT, folder.keys.id)
    back = tmp_path / "back"
    back.mkdir()
    with pytest.raises(VaultTrouble, match="may be a fork"):
        read(store, BOT, folder.keys.id, [key, second], back)


def test_a_piece_that_is_not_what_its_name_says_is_refused(
    store: LocalStore, folder: Folder, key: Any, second: Any, tmp_path: Path
):
    folder.says(2)
    keeps(store, folder, key, second).send(BOT, folder.keys.id)
    (name,) = (name for name in names_of(store, BOT) if name.startswith("log/"))
    (gossip,) = (name for name in names_of(store, BOT) if name.startswith("secret/"))
    other = bytes(obstore.get(store, f"bots/{BOT}/{gossip}").bytes())
    obstore.put(store, f"bots/{BOT}/{name}", other)
    back = tmp_path / "back"
    back.mkdir()
    with pytest.raises(VaultTrouble, match="not what its name says"):
        read(store, BOT, folder.keys.id, [key, second], back)


def test_what_unpacks_to_more_than_anything_that_was_put_there_is_refused(
    key: Any, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sealing, "LARGEST", 1000)
    assert sealing.unseal(sealing.seal(b"0" * 1000, key.to_public()), [key], "it") == b"0" * 1000
    with pytest.raises(VaultTrouble, match="larger than anything"):
        sealing.unseal(sealing.seal(b"0" * 1001, key.to_public()), [key], "it")


def test_a_piece_that_is_missing_leaves_what_came_before_it(
    store: LocalStore, folder: Folder, key: Any, second: Any, tmp_path: Path
):
    sender = keeps(store, folder, key, second)
    for _ in range(3):
        folder.says(2)
        sender.send(BOT, folder.keys.id)
    _, middle, _ = sorted(name for name in names_of(store, BOT) if name.startswith("log/"))
    obstore.delete(store, f"bots/{BOT}/{middle}")
    back = tmp_path / "back"
    back.mkdir()
    assert read(store, BOT, folder.keys.id, [key, second], back).sequence == 2


def test_a_vault_that_is_away_is_waited_for_and_then_has_all(
    folder: Folder, key: Any, second: Any, tmp_path: Path
):
    bot = bot_in(State.ALIVE, person("alice"))
    folder.data.parent.rename(tmp_path / "bots" / str(bot.id))
    folder.log = tmp_path / "bots" / str(bot.id) / "data" / "flume" / "log.offset"
    Progress.objects.filter(bot=bot).update(ssb_id=folder.keys.id)
    there = LocalStore(tmp_path / "there", mkdir=True)
    sender = VaultKeeper(VaultWriter(there, key.to_public(), second.to_public()), tmp_path / "bots", GIB)
    (tmp_path / "there").rmdir()
    (tmp_path / "there").write_text("in the way")
    assert sender.round() == keeper.AFTER_TROUBLE
    (tmp_path / "there").unlink()
    (tmp_path / "there").mkdir()
    folder.says(1)
    assert sender.round() == keeper.TICK
    assert len(list(names_of(there, bot.id))) == 2, "the secret, and a piece of the log"
    known = Vaulted.objects.get(bot_id=bot.id)
    assert (known.things, known.size) == (2, sum(size for _, size in things_of(there, bot.id)))


def test_how_far_behind_it_is_can_be_read(
    folder: Folder, key: Any, second: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    bot = bot_in(State.ALIVE, person("alice"))
    folder.data.parent.rename(tmp_path / "bots" / str(bot.id))
    folder.log = tmp_path / "bots" / str(bot.id) / "data" / "flume" / "log.offset"
    Progress.objects.filter(bot=bot).update(ssb_id=folder.keys.id)
    monkeypatch.setattr(keeper, "TOLD_EVERY", 0.0)
    there = LocalStore(tmp_path / "there", mkdir=True)
    sender = VaultKeeper(VaultWriter(there, key.to_public(), second.to_public()), tmp_path / "bots", GIB)
    folder.says(1)
    sender.round()
    known = Vaulted.objects.get(bot_id=bot.id)
    assert (known.behind, known.behind_since, known.trouble) == (0, None, "")
    assert known.looked_at
    monkeypatch.setattr(sender_module, "WAIT", 60.0)
    size = folder.log.stat().st_size
    folder.says(2)
    sender.round()
    known.refresh_from_db()
    assert known.behind == folder.log.stat().st_size - size
    assert known.behind_since


def test_what_one_bot_cannot_read_keeps_no_other_back(
    folder: Folder, key: Any, second: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(keeper, "TOLD_EVERY", 0.0)
    alice = person("alice")
    bad, good = bot_in(State.ALIVE, alice, "bad"), bot_in(State.ALIVE, alice, "good")
    folder.data.parent.rename(tmp_path / "bots" / str(good.id))
    Progress.objects.filter(bot=good).update(ssb_id=folder.keys.id)
    keys = KeyPair.generate()
    Progress.objects.filter(bot=bad).update(ssb_id=keys.id)
    data = tmp_path / "bots" / str(bad.id) / "data"
    (data / "gossip.json").mkdir(parents=True)
    keys.save(data / "secret")
    there = LocalStore(tmp_path / "there", mkdir=True)
    sender = VaultKeeper(VaultWriter(there, key.to_public(), second.to_public()), tmp_path / "bots", GIB)
    assert sender.round() == keeper.TICK
    assert [name for name in names_of(there, good.id) if name.startswith("secret/")]
    assert "Nothing of it goes" in Vaulted.objects.get(bot_id=bad.id).trouble


def test_no_more_than_its_room_is_sent_and_that_is_told(
    store: LocalStore, folder: Folder, key: Any, second: Any
):
    sender = VaultKeeper(
        VaultWriter(store, key.to_public(), second.to_public()), folder.data.parents[1], 1000
    )
    folder.has_blob(bytes(range(256)) * 20)
    for _ in range(5):
        folder.says(3)
        sender.send(BOT, folder.keys.id)
    assert sum(size for _, size in things_of(store, BOT)) < 10_000
    assert sum(name.startswith("log/") for name in names_of(store, BOT)) < 3


def test_small_pieces_are_merged(
    folder: Folder, key: Any, second: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sender_module, "SMALL_PIECES", 5)
    store = LocalStore(tmp_path / "vault", mkdir=True)
    sender = keeps(store, folder, key, second)
    for number in range(23):
        folder.says(1)
        if number == 12:
            sender = keeps(store, folder, key, second)
        sender.send(BOT, folder.keys.id)
        logs = [name for name in names_of(store, BOT) if name.startswith("log/")]
        assert len(logs) <= 5
    known = Vaulted.objects.get(bot_id=BOT)
    there = list(things_of(store, BOT))
    assert (known.things, known.size) == (len(there), sum(size for _, size in there))
    (tmp_path / "back").mkdir()
    assert read(store, BOT, folder.keys.id, [key, second], tmp_path / "back").sequence == 23
    assert (tmp_path / "back" / "flume" / "log.offset").read_bytes() == folder.log.read_bytes()


def test_pieces_that_are_large_together_are_merged_before_they_are_many(
    store: LocalStore, folder: Folder, key: Any, second: Any, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sender_module, "SMALL_PIECE", 4000)
    sender = keeps(store, folder, key, second)
    for _ in range(15):
        folder.says(1, "x" * 500)
        sender.send(BOT, folder.keys.id)
    assert sum(name.startswith("log/") for name in names_of(store, BOT)) == 3, "5 messages in each"


def test_many_small_pieces_that_were_left_unmerged_are_merged_bit_by_bit(
    store: LocalStore, folder: Folder, key: Any, second: Any, monkeypatch: pytest.MonkeyPatch
):
    with monkeypatch.context() as before:
        before.setattr(sender_module, "SMALL_PIECES", 10**9)
        sender = keeps(store, folder, key, second)
        for _ in range(30):
            folder.says(1, "x" * 500)
            sender.send(BOT, folder.keys.id)
    monkeypatch.setattr(sender_module, "SMALL_PIECES", 5)
    monkeypatch.setattr(sender_module, "PIECE", 6000)
    sender = keeps(store, folder, key, second)
    for _ in range(6):
        folder.says(1)
        sender.send(BOT, folder.keys.id)
    assert sum(name.startswith("log/") for name in names_of(store, BOT)) <= 8


def test_what_is_merged_while_it_is_read_is_read_again(
    store: LocalStore, folder: Folder, key: Any, second: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sender_module, "SMALL_PIECES", 3)
    sender = keeps(store, folder, key, second)
    for _ in range(2):
        folder.says(1)
        sender.send(BOT, folder.keys.id)
    times = []

    def listed(*of: Any) -> list[tuple[str, int]]:
        found = list(things_of(*of))
        times.append(len(found))
        folder.says(1)
        sender.send(BOT, folder.keys.id)
        return found

    monkeypatch.setattr(reading, "things_of", listed)
    (tmp_path / "back").mkdir()
    assert read(store, BOT, folder.keys.id, [key, second], tmp_path / "back").sequence == 3
    assert len(times) == 2


def test_old_versions_of_a_small_file_are_removed_and_the_last_stays_the_newest(
    store: LocalStore, folder: Folder, key: Any, second: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    sender = keeps(store, folder, key, second)
    for number in range(14):
        (folder.data / "gossip.json").unlink(missing_ok=True)
        (folder.data / "gossip.json").write_text(f"[{number}]")
        os.utime(folder.data / "gossip.json", ns=(number, number))
        # Each time the clock was set back by a second.
        monkeypatch.setattr(writing, "now", lambda number=number: f"{1_700_000_000_000 - number * 1000}")
        sender.send(BOT, folder.keys.id)
    assert sum(name.startswith("gossip/") for name in names_of(store, BOT)) == VERSIONS
    assert sum(name.startswith("secret/") for name in names_of(store, BOT)) == 1
    (tmp_path / "back").mkdir()
    read(store, BOT, folder.keys.id, [key, second], tmp_path / "back")
    assert (tmp_path / "back" / "gossip.json").read_text() == "[13]"


def test_what_was_moved_away_is_not_sent(store: LocalStore, folder: Folder, key: Any, second: Any):
    folder.says(1)
    (folder.data.parent / "moved").touch()
    keeps(store, folder, key, second).send(BOT, folder.keys.id)
    assert list(names_of(store, BOT)) == []
