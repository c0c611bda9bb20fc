"""Whatever happens to a bot, no two messages of its feed ever share a sequence.

A real pub, started as a host starts it: with the highest sequence that was ever seen of it. Beside it is a
friend, who keeps what she received of its feed.
"""

import shutil
import tarfile
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyrage
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from butt.exports.bundle import ExportPart
from butt.exports.tar import packed
from butt.hosts import bundles
from butt.hosts.interface import Folder
from butt.vault import sender as sending
from tests.exports.keeper import Keeper
from tests.pub.pubs import Client, Pub, until

pytestmark = pytest.mark.django_db(transaction=True)

LOG_BEHIND, LOG_DAMAGED = 68, 69
HUSH, KNOWS_BETTER = "catching up with its own messages", "known to have reached"
SLOW = 60


class Feed(RuleBasedStateMachine):
    """`spoken` is what the world has seen, `heard` how much of it the friend has."""

    release: Path
    client: Client

    def __init__(self) -> None:
        super().__init__()
        self.place = Path(tempfile.mkdtemp())
        masters = [self.client.keys["id"]]
        self.pub = Pub(self.release, self.place, master=masters)
        self.friend = Pub(self.release, self.place / "friend", master=masters)
        self.keeper = Keeper(self.pub.data)
        self.spoken: dict[int, str] = {}
        self.heard = 0
        self.copies: list[Path] = []
        self.tampered = False
        self.vault, self.key = self.place / "vault", pyrage.x25519.Identity.generate()
        self.is_vaulted = False

    @property
    def runs(self) -> bool:
        return self.pub.process is not None and self.pub.process.poll() is None

    @property
    def newest(self) -> int:
        return max(self.spoken, default=0)

    @property
    def all_is_known(self) -> bool:
        return self.keeper.known >= self.newest

    @property
    def all_is_heard(self) -> bool:
        return self.heard >= self.newest

    @property
    def is_hushed(self) -> bool:
        """As far as the service knows, it may lack messages of its own."""
        return self.keeper.catches_up

    @property
    def behind(self) -> bool:
        """Whether the current folder holds less than the world has seen."""
        found = bundles.bundle(Folder(self.place), ExportPart.LOG).survey
        return found is not None and found.sequence < self.newest

    @precondition(lambda self: not self.runs)
    @rule()
    def start(self) -> None:
        """It runs in the end, on its own log if the current one is refused."""
        self.pub.config.update(sequence=self.keeper.known, catchUp=self.is_hushed)
        if self.pub.data.exists() and self.behind and not self.is_hushed:
            self.spawn()
            assert self.pub.ended() in (LOG_BEHIND, LOG_DAMAGED)
            self.bring_back_its_own()
        self.spawn()
        assert self.pub.event("listening"), self.pub.output.read_text()
        self.tampered = False

    def spawn(self) -> None:
        self.pub.spawn()
        until(lambda: self.pub.event("listening") or self.pub.process.poll() is not None, SLOW)

    @precondition(lambda self: self.runs)
    @rule(count=st.integers(1, 3))
    def publish(self, count: int) -> None:
        for _ in range(count):
            try:
                message = self.client.call(self.pub, "publish", {"type": "post", "text": "hello"})
            except RuntimeError as refused:
                assert HUSH in str(refused)
                assert self.is_hushed
                return
            sequence, key = message["value"]["sequence"], message["key"]
            assert self.spoken.setdefault(sequence, key) == key, f"forked at {sequence}"

    @precondition(lambda self: self.runs)
    @rule()
    def look(self) -> None:
        (figures,) = self.client.call(self.pub, "butt.figures", {}, count=1)
        self.keeper.sees(figures, self.latest())

    @precondition(lambda self: self.runs)
    @rule(sequence=st.integers(1, 2**31 - 1))
    def lie(self, sequence: int) -> None:
        """A message that names another sequence is not signed."""
        (figures,) = self.client.call(self.pub, "butt.figures", {}, count=1)
        self.keeper.sees({**figures, "sequence": sequence}, {**(self.latest() or {}), "sequence": sequence})

    def latest(self) -> Any:
        try:
            return self.client.call(self.pub, "getLatest", self.pub.id)["value"]
        except (RuntimeError, TypeError):  # It has logged nothing yet.
            return None

    @precondition(lambda self: self.runs)
    @rule()
    def stop(self) -> None:
        self.look()
        assert self.pub.stop() == 0

    @precondition(lambda self: self.runs)
    @rule()
    def crash(self) -> None:
        self.pub.kill()

    @precondition(lambda self: self.runs and (not self.is_hushed or self.all_is_heard))
    @rule()
    def meet_a_friend(self) -> None:
        """She receives everything it published; or it receives from her what it published before."""
        if not self.friend.process:
            self.friend.start()
            follow = {"type": "contact", "contact": self.pub.id, "following": True}
            self.client.call(self.friend, "publish", follow)
        self.client.call(self.pub, "gossip.connect", self.friend.address)
        until(lambda: self.sequence_at(self.friend) >= self.newest, SLOW)
        self.heard = self.newest
        if self.is_hushed:
            until(lambda: self.look() or not self.is_hushed, SLOW)
            assert self.sequence_at(self.pub) == self.newest

    def sequence_at(self, pub: Pub) -> int:
        try:
            return int(self.client.call(pub, "getLatest", self.pub.id)["value"]["sequence"])
        except (RuntimeError, TypeError):  # She has none of its messages yet.
            return 0

    @precondition(lambda self: self.runs and self.is_hushed and self.all_is_known)
    @rule()
    def its_owner_says_that_there_are_no_newer_messages(self) -> None:
        """Whether or not that is true, the service knows."""
        try:
            self.client.call(self.pub, "butt.caughtUp")
        except RuntimeError as refused:
            assert KNOWS_BETTER in str(refused) or "just coming in" in str(refused)

    @precondition(lambda self: self.spoken and not self.runs)
    @rule()
    def leave_and_be_restored(self) -> None:
        self.keeper.is_left_and_restored()

    @precondition(lambda self: self.copies and not self.tampered)
    @rule(data=st.data())
    def be_gone_and_brought_again(self, data: st.DataObject) -> None:
        """From any copy: what it lacks is remembered by the service or by the friend."""
        if self.runs:
            self.stop()
        if not (self.all_is_known or self.all_is_heard):
            return
        self.keeper.is_gone()
        self.is_vaulted = False
        self.keeper.brings(data.draw(st.sampled_from(self.copies)).with_suffix(".tar"))
        assert self.is_hushed
        self.start()

    @precondition(lambda self: self.spoken and self.pub.data.exists())
    @rule()
    def the_vault_has_all_of_it(self) -> None:
        """Until it publishes more. Also while it runs, and the current log may be an old copy, or cut."""
        self.keeper.sends_to(self.vault, self.key)
        self.is_vaulted = True

    @precondition(lambda self: self.is_vaulted and (self.all_is_known or self.all_is_heard))
    @rule(is_old=st.booleans())
    def lose_the_disk_and_come_back(self, is_old: bool) -> None:
        """In the middle of anything, and repeatedly."""
        if self.runs:
            self.pub.kill()
        self.keeper.loses_its_disk(self.vault, self.key, is_old=is_old)
        self.tampered = False
        assert self.is_hushed
        self.start()

    @precondition(lambda self: self.spoken and not self.tampered and not self.is_hushed)
    @rule()
    def export(self) -> None:
        """Also while it runs."""
        bundle = bundles.bundle(Folder(self.place), ExportPart.ALL)
        place = self.place / f"copy{len(self.copies)}"
        with place.with_suffix(".tar").open("wb") as file:
            file.writelines(packed(bundle.items, bundle.tar_size, int(time.time())))
        with tarfile.open(place.with_suffix(".tar")) as archive:
            archive.extractall(place, filter="data")
        self.copies.append(place)

    @precondition(lambda self: self.copies and self.is_whole and self.all_is_known)
    @rule(data=st.data())
    def restore_an_old_copy_behind_its_back(self, data: st.DataObject) -> None:
        copy = data.draw(st.sampled_from(self.copies))
        self.put_aside()
        shutil.copytree(copy, self.pub.data)

    @precondition(lambda self: self.spoken and self.is_whole)
    @rule(size=st.integers(0, 2000))
    def cut_its_log(self, size: int) -> None:
        """The pub's own record of its sequence stays, so nobody else needs to know it."""
        assert self.noted >= self.newest
        self.put_aside()
        shutil.copytree(self.place / "aside", self.pub.data)
        log = self.pub.data / "flume" / "log.offset"
        with log.open("r+b") as file:
            file.truncate(max(0, log.stat().st_size - size))

    @property
    def is_whole(self) -> bool:
        """It is stopped, with everything that it published."""
        return not (self.runs or self.tampered or self.is_hushed)

    @property
    def noted(self) -> int:
        """Also messages of a pub that was killed right after them."""
        return int((self.pub.data / "sequence").read_text())

    def put_aside(self) -> None:
        shutil.rmtree(self.place / "aside", ignore_errors=True)
        self.pub.data.rename(self.place / "aside")
        self.tampered = True

    def bring_back_its_own(self) -> None:
        shutil.rmtree(self.pub.data)
        (self.place / "aside").rename(self.pub.data)
        self.tampered = False

    @invariant()
    def nothing_is_known_that_was_never_said(self) -> None:
        assert self.keeper.known <= self.newest

    @invariant()
    def the_numbers_go_up_by_one(self) -> None:
        assert list(self.spoken) == list(range(1, len(self.spoken) + 1))

    def teardown(self) -> None:
        for pub in (self.pub, self.friend):
            with suppress(ProcessLookupError):
                pub.kill()
        shutil.rmtree(self.place, ignore_errors=True)


def test_no_sequence_is_ever_used_twice(built_pub: Path, built_stock: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sending, "WAIT", 0.0)
    Feed.release, Feed.client = built_pub, Client(built_stock)
    try:
        run_state_machine_as_test(
            Feed,
            settings=settings(
                max_examples=8,
                stateful_step_count=18,
                suppress_health_check=list(HealthCheck),
            ),
        )
    finally:
        Feed.client.close()
