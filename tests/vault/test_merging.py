"""Merging small pieces of a log: at no moment does the vault have less, whoever is killed, sends beside it, or is lied to."""

import tempfile
import uuid
from pathlib import Path
from typing import TYPE_CHECKING
from unittest import mock

import pyrage
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase
from obstore.store import LocalStore

from butt.vault import sender as sender_module
from butt.vault.keeper import VaultKeeper
from butt.vault.names import chain, pieces_in
from butt.vault.reading import read
from butt.vault.writing import StoredDelta, VaultWriter, things_of
from tests.vault.folders import Folder

if TYPE_CHECKING:
    from collections.abc import Callable

KEY = pyrage.x25519.Identity.generate()
BOT = uuid.UUID(int=1)
NEVER = 10**6


class Killed(BaseException):
    """As `kill -9` ends a program: nothing of it goes on."""


class Watched(VaultWriter):
    """It is killed before its step `dies_in`. Of what is listed, `hides` says as bits what is left out, and `meanwhile` happens
    before the list is used.
    """

    def __init__(self, store: LocalStore) -> None:
        super().__init__(store, KEY.to_public(), KEY.to_public())
        self.dies_in, self.hides = NEVER, 0
        self.meanwhile: Callable[[], None] | None = None

    def _put(self, bot_id: uuid.UUID, name: str, sealed: bytes) -> StoredDelta:
        self._step()
        return super()._put(bot_id, name, sealed)

    def _remove(self, bot_id: uuid.UUID, sizes: dict[str, int]) -> StoredDelta:
        """Remove the pieces one by one, as a storage may do."""
        gone = [self._remove_one(bot_id, name, size) for name, size in sizes.items()]
        return StoredDelta(sum(one.size for one in gone), sum(one.things for one in gone))

    def _remove_one(self, bot_id: uuid.UUID, name: str, size: int) -> StoredDelta:
        self._step()
        before = self.reach()
        change = super()._remove(bot_id, {name: size})
        after = self.reach()
        assert all(after.get(line, 0) >= end for line, end in before.items()), f"{name} was needed"
        return change

    def _listed(self, bot_id: uuid.UUID, below: str = "") -> list[tuple[str, int]]:
        found = super()._listed(bot_id, below)
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile:
            meanwhile()
        return [one for number, one in enumerate(found) if not self.hides >> number & 1]

    def _step(self) -> None:
        self.dies_in -= 1
        if self.dies_in == 0:
            raise Killed

    def reach(self) -> dict[str, int]:
        """How far each line can be read."""
        lines = pieces_in(name for name, _ in things_of(self._store, BOT))
        return {line: found[-1].end for line, pieces in lines.items() if (found := chain(pieces))}


STEPS = st.tuples(
    st.integers(0, 1),
    st.integers(0, 2),
    st.sampled_from([NEVER, NEVER, *range(1, 7)]),
    st.sampled_from([0, 0, 0, 1, 2, 4, 5, 10, 2**20 - 1]),
    st.booleans(),
)
"""Which of two sends, how many messages there are by then, when it dies, what its list hides, and whether the other sends while
it lists.
"""


class MergedAnyhow(TestCase):
    @settings(max_examples=40, deadline=None)
    @given(st.lists(STEPS, max_size=12))
    def test_no_byte_is_ever_missing(self, steps: list[tuple[int, int, int, int, bool]]) -> None:
        patches = {"WAIT": 0.0, "BLOBS_EVERY": 1e9, "SMALL_PIECES": 3, "SMALL_PIECE": 3000}
        with tempfile.TemporaryDirectory() as name, mock.patch.multiple(sender_module, **patches):
            place = Path(name)
            folder = Folder(place / "bots" / str(BOT) / "data")
            store = LocalStore(place / "vault", mkdir=True)

            def started() -> tuple[VaultKeeper, Watched]:
                vault = Watched(store)
                return VaultKeeper(vault, place / "bots", 1 << 30), vault

            senders = [started(), started()]
            for which, count, dies_in, hides, together in steps:
                folder.says(count)
                (sender, vault), (other, _) = senders[which], senders[1 - which]
                vault.dies_in, vault.hides = dies_in, hides
                if together:
                    vault.meanwhile = lambda other=other: other.send(BOT, folder.keys.id)
                before = vault.reach()
                try:
                    sender.send(BOT, folder.keys.id)
                except Killed:
                    senders[which] = started()
                vault.dies_in, vault.hides = NEVER, 0
                after = vault.reach()
                assert all(after.get(line, 0) >= end for line, end in before.items())
            folder.says(1)
            for sender, _ in (started(), *senders):
                sender.send(BOT, folder.keys.id)
            (place / "back").mkdir()
            read(store, BOT, folder.keys.id, [KEY], place / "back")
            back = place / "back" / "flume" / "log.offset"
            assert back.read_bytes() == folder.log.read_bytes()


def test_a_piece_of_another_log_is_never_merged_nor_removed(tmp_path: Path) -> None:
    """Only the very bytes count, not the place that a name gives."""
    one, other = Folder(tmp_path / "one"), Folder(tmp_path / "other")
    one.says(3)
    other.says(3)
    log, others = one.log.read_bytes(), other.log.read_bytes()
    store = LocalStore(tmp_path / "vault", mkdir=True)
    vault = VaultWriter(store, KEY.to_public(), KEY.to_public())
    line = "1700000000000-0123abcd"
    first, _ = vault.log(BOT, line, 0, log[: len(log) // 2])
    assert first
    vault.log(BOT, line, first.end, others[first.end :])
    before = list(things_of(store, BOT))
    assert vault.merge(BOT, line, 0, log) == (0, StoredDelta())
    assert list(things_of(store, BOT)) == before


def test_a_piece_that_begins_within_a_merged_one_is_still_read(tmp_path: Path) -> None:
    """Another sender that read the list earlier leaves such a piece."""
    folder = Folder(tmp_path / "folder")
    ends = []
    for _ in range(3):
        folder.says(1)
        ends.append(folder.log.stat().st_size)
    log = folder.log.read_bytes()
    store = LocalStore(tmp_path / "vault", mkdir=True)
    vault = VaultWriter(store, KEY.to_public(), KEY.to_public())
    line = "1700000000000-0123abcd"
    vault.small(BOT, "secret", (folder.data / "secret").read_bytes())
    for start, end in ((0, ends[0]), (ends[0], ends[1]), (ends[0], ends[2])):
        vault.log(BOT, line, start, log[start:end])
    assert vault.merge(BOT, line, 0, log[: ends[1]])[0] == ends[1]
    assert sum(name.startswith("log/") for name, _ in things_of(store, BOT)) == 2
    (tmp_path / "back").mkdir()
    assert read(store, BOT, folder.keys.id, [KEY], tmp_path / "back").sequence == 3
