"""A bot whose data is gone: it says so, is asked for, comes back; and what is gone for good is forgotten."""

import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pyrage
import pytest
from django.test import Client
from django.utils import timezone

from butt.agents.actions import Refused
from butt.agents.bots import bots
from butt.agents.models import Agent, JournalEntry, Observed, Progress, Wanted
from butt.agents.states import State
from butt.configuration import configuration
from butt.hosts.interface import Host, HostTrouble, Sighting
from butt.imports.models import Import
from butt.imports.placing import folder_of
from butt.machines import import_transfers
from butt.machines.models import Machine, Placement, Tombstone
from butt.storage import store_at
from butt.vault import UnderWay, VaultAway, asking, coming_back
from butt.vault import sender as sender_module
from butt.vault.checking import check, check_one
from butt.vault.coming_back import bring_back
from butt.vault.forgetting import forget, left
from butt.vault.keeper import VaultKeeper
from butt.vault.models import ReturnStep, Vaulted
from butt.vault.reading import read
from butt.vault.returning import AFTER_TROUBLE, AWAY, Returner
from butt.vault.sealing import identities
from butt.vault.writing import things_of, writing
from tests.machines.machines import machine, place
from tests.people import account, bot_in
from tests.sources.conftest import settings_of, small_disk
from tests.vault.folders import Folder

__all__ = ["settings_of", "small_disk"]

pytestmark = pytest.mark.django_db

GIB = 1 << 30


class Seen:
    """A host on which no bot runs, or of which nothing can be said."""

    def __init__(self) -> None:
        self.trouble = ""
        self.running: set[uuid.UUID] = set()

    def look(self, _: object) -> Mapping[uuid.UUID, Sighting]:
        if self.trouble:
            raise HostTrouble(self.trouble)
        return {bot_id: Sighting(running=True) for bot_id in self.running}


@contextmanager
def away() -> Iterator[None]:
    """The vault's folder is missing for a while, as when its disk is not mounted."""
    vault = configuration().home / "vault"
    vault.rename(vault.with_name("elsewhere"))
    vault.touch()
    try:
        yield
    finally:
        vault.unlink()
        vault.with_name("elsewhere").rename(vault)


class Kept:
    """A bot of Alice's with five messages in the vault. What lies at its host is gone."""

    def __init__(self, tmp_path: Path, settings_of: Callable[..., None]) -> None:
        self.account = account("alice")
        self.key = pyrage.x25519.Identity.generate()
        (tmp_path / "key.txt").write_text(f"{self.key}\n")
        settings_of(
            home=tmp_path,
            vault=f"file://{tmp_path}/vault",
            vault_key=str(self.key.to_public()),
            vault_opens=str(tmp_path / "key.txt"),
        )
        self.id = bot_in(State.ALIVE, self.account.agent).id
        self.folder = Folder(tmp_path / "written" / str(self.id) / "data")
        self.folder.says(5)
        Progress.objects.filter(bot_id=self.id).update(ssb_id=self.folder.keys.id)
        Observed.objects.filter(bot_id=self.id).update(sequence=5)
        self.store = store_at(configuration().vault)
        self.sends()
        self.host = Seen()

    def sends(self) -> None:
        sender = VaultKeeper(writing(configuration()), self.folder.data.parents[1], GIB)
        sender.send(self.id, self.folder.keys.id)

    @property
    def bot(self) -> Agent:
        return bots().get(id=self.id)

    @property
    def row(self) -> Vaulted:
        return Vaulted.objects.get(bot_id=self.id)

    def is_lost(self, code: int = asking.GONE) -> None:
        Progress.objects.filter(bot_id=self.id).update(state=State.BROKEN)
        asking.lost(self.bot, code)

    def stops(self) -> None:
        """Stop the bot, as the steward does on request."""
        assert not Wanted.objects.get(bot_id=self.id).run
        Progress.objects.filter(bot_id=self.id).update(state=State.STOPPED)

    def returner(self) -> Returner:
        return Returner(cast("Host", self.host), self.store, lambda: [self.key])

    def came(self) -> Path:
        """The folder in which the steward finds the bot's data at its next start."""
        row = Import.objects.get(bot_id=self.id)
        assert row.state == Import.State.PLACING
        return folder_of(row.id)


@pytest.fixture
def kept(tmp_path: Path, settings_of: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> Kept:
    monkeypatch.setattr(sender_module, "WAIT", 0.0)
    return Kept(tmp_path, settings_of)


def test_one_click_stops_it_places_it_and_has_it_catch_up(kept: Kept):
    kept.is_lost()
    asking.ask_back(kept.account.agent, kept.bot)
    asking.ask_back(kept.account.agent, kept.bot)
    kept.returner().round()
    assert kept.row.back == ReturnStep.ASKED
    kept.stops()
    kept.returner().round()
    assert (kept.came() / "flume" / "log.offset").read_bytes() == kept.folder.log.read_bytes()
    assert kept.bot.observed.catching_up
    assert kept.row.back == ReturnStep.PLACED
    kept.returner().round()
    assert kept.bot.wanted.run
    assert kept.row.back == ""
    asking.found(kept.bot)
    assert not asking.is_lost(kept.row)


def test_one_that_runs_is_never_placed(kept: Kept):
    kept.is_lost()
    asking.ask_back(kept.account.agent, kept.bot)
    kept.returner().round()
    kept.stops()
    kept.host.running.add(kept.id)
    kept.returner().round()
    assert not Import.objects.exists()
    assert "never runs twice" in kept.row.back_words
    assert kept.bot.wanted.run, "it is as it was"


def test_a_host_of_which_nothing_is_known_is_waited_for(kept: Kept):
    kept.is_lost()
    asking.ask_back(kept.account.agent, kept.bot)
    kept.returner().round()
    kept.stops()
    kept.host.trouble = "it is silent"
    kept.returner().round()
    assert (kept.row.back, "it is silent" in kept.row.back_words) == (ReturnStep.ASKED, True)
    kept.host.trouble = ""
    kept.returner().round()
    assert kept.came().is_dir()


def test_two_never_bring_it_back_at_once(kept: Kept, monkeypatch: pytest.MonkeyPatch):
    """Two stewards, or one and an operator's command: the second leaves it to the first."""
    kept.is_lost()
    asking.ask_back(kept.account.agent, kept.bot)
    kept.returner().round()
    kept.stops()
    second = []

    def interrupted(*of: Any) -> Any:
        monkeypatch.setattr(coming_back, "read", read)
        kept.returner().round()
        with pytest.raises(UnderWay):
            bring_back(kept.bot, cast("Host", kept.host), kept.store, [kept.key])
        second.append(kept.row.back)
        return read(*of)

    monkeypatch.setattr(coming_back, "read", interrupted)
    kept.returner().round()
    assert second == [ReturnStep.ASKED]
    assert (kept.row.back, kept.row.back_words) == (ReturnStep.PLACED, "")
    assert (kept.came() / "flume" / "log.offset").read_bytes() == kept.folder.log.read_bytes()
    with pytest.raises(UnderWay):
        bring_back(kept.bot, cast("Host", kept.host), kept.store, [kept.key])


def test_a_key_that_is_lost_leaves_the_bot_as_it_was_and_says_why(kept: Kept):
    kept.is_lost()
    asking.ask_back(kept.account.agent, kept.bot)
    (configuration().home / "key.txt").unlink()
    returner = Returner(
        cast("Host", kept.host), kept.store, lambda: identities(Path(configuration().vault_opens))
    )
    returner.round()
    kept.stops()
    returner.round()
    assert kept.row.back == ""
    assert "holds no secret age key" in kept.row.back_words
    assert not Import.objects.exists()
    assert kept.bot.wanted.run


def test_a_vault_that_cannot_be_reached_is_waited_for(kept: Kept):
    kept.is_lost()
    asking.ask_back(kept.account.agent, kept.bot)
    kept.returner().round()
    kept.stops()
    with away():
        assert kept.returner().round() == AFTER_TROUBLE
        assert (kept.row.back, kept.row.back_words) == (ReturnStep.ASKED, f"It waits: {AWAY}")
    kept.returner().round()
    assert kept.came().is_dir()


def test_it_comes_back_by_itself_where_the_operators_want_that(kept: Kept, settings_of: Callable[..., None]):
    kept.is_lost()
    assert kept.row.back == ""
    settings_of(vault_return="itself")
    asking.found(kept.bot)
    kept.is_lost()
    assert kept.row.back == ReturnStep.ASKED


@pytest.mark.parametrize(
    ("settings", "code"), [({"vault_opens": ""}, "no_key"), ({"vault": ""}, "no_copy"), ({}, "wrong_state")]
)
def test_what_cannot_be_asked_is_refused(
    kept: Kept, settings_of: Callable[..., None], settings: dict[str, str], code: str
):
    if settings:
        kept.is_lost()
    settings_of(**settings)
    with pytest.raises(Refused) as no:
        asking.ask_back(kept.account.agent, kept.bot)
    assert no.value.code == code
    assert kept.row.back == ""


def test_a_vault_that_is_behind_what_is_left_replaces_nothing(kept: Kept):
    """The pub said that its log is behind; the vault is further behind still."""
    Observed.objects.filter(bot_id=kept.id).update(sequence=9)
    here = configuration().home / "bots" / str(kept.id)
    kept.folder.says(2)
    here.parent.mkdir(exist_ok=True)
    kept.folder.data.parent.rename(here)
    kept.is_lost(asking.BEHIND)
    asking.ask_back(kept.account.agent, kept.bot)
    kept.returner().round()
    kept.stops()
    kept.returner().round()
    assert "An old copy never replaces what may be newer" in kept.row.back_words
    assert (here / "data" / "secret").exists()


def test_on_a_machine_it_waits_as_cargo_that_replaces_what_is_left(kept: Kept):
    there = machine("m1")
    place(kept.bot, there)
    kept.is_lost()
    asking.ask_back(kept.account.agent, kept.bot)
    kept.returner().round()
    kept.stops()
    kept.returner().round()
    assert kept.came().is_dir()
    assert import_transfers.mark_of(kept.id)


def test_on_another_machine_only_where_the_operators_say_that_the_first_is_gone(kept: Kept):
    there = machine("m1")
    place(kept.bot, there)
    Wanted.objects.filter(bot_id=kept.id).update(run=False)
    kept.host.trouble = "it is silent"
    with pytest.raises(HostTrouble):
        bring_back(kept.bot, cast("Host", kept.host), kept.store, [kept.key])
    copy = bring_back(kept.bot, cast("Host", kept.host), kept.store, [kept.key], elsewhere=True)
    assert copy.sequence == 5
    assert not Placement.objects.exists()
    assert Tombstone.objects.filter(machine=there, bot_id=kept.id, done_at=None).exists()
    there.refresh_from_db()
    assert there.state == Machine.State.DRAINING


def test_its_page_says_so_and_has_a_button(kept: Kept):
    alice = Client()
    alice.force_login(kept.account)
    assert "bring it back" not in alice.get("/bots/my").content.decode()
    assert "in the vault: all of it" in alice.get("/bots/my/status").content.decode()
    kept.is_lost()
    assert "bring it back" in alice.get("/bots/my").content.decode()
    alice.post("/bots/my/come-back")
    assert kept.row.back == ReturnStep.ASKED
    assert "It is being restored from the vault" in alice.get("/bots/my").content.decode()


def test_a_copy_that_lags_is_told_of(kept: Kept):
    alice = Client()
    alice.force_login(kept.account)
    now = timezone.now()
    Vaulted.objects.update(behind=4096, behind_since=now - timedelta(minutes=10), looked_at=now)
    assert "all but the last" in alice.get("/bots/my/status").content.decode()
    assert 590 < asking.behind_for(kept.row, now) < 610
    Vaulted.objects.update(behind=0, behind_since=None, looked_at=now - timedelta(hours=1))
    assert asking.behind_for(kept.row, now) == 3600, "nobody looks after it any more"


def test_the_copy_of_a_bot_that_is_gone_goes_and_no_other(kept: Kept):
    now = timezone.now()
    assert not forget(now + timedelta(days=9))
    asking.gone(kept.bot)
    assert not forget(now + timedelta(days=9)), "it is still there"
    kept.bot.delete()
    assert left(kept.store, set())[0].bot_id == kept.id
    assert not forget(now + timedelta(minutes=5)), "what was on its way may still come"
    while forget(now + timedelta(hours=2)):
        pass
    assert list(things_of(kept.store, kept.id)) == []
    assert left(kept.store, set()) == []
    assert not Vaulted.objects.exists()
    assert JournalEntry.objects.filter(bot_id=kept.id, what="vault forgotten").exists()


def test_a_bot_that_is_only_absent_is_not_forgotten(kept: Kept):
    kept.bot.delete()
    assert not forget(timezone.now() + timedelta(days=99))
    assert [one.bot_id for one in left(kept.store, set())] == [kept.id]


def test_a_copy_is_read_back_and_what_was_found_is_told(kept: Kept):
    assert check(kept.bot, kept.store, [kept.key]).sound
    assert (kept.row.sound, kept.row.check_words) == (True, "5 messages, 5 of its own, 0 blobs")
    piece = next(name for name, _ in things_of(kept.store, kept.id) if name.startswith("log/"))
    path = configuration().home / "vault" / "bots" / str(kept.id) / piece
    path.write_bytes(path.read_bytes()[:-1])
    found = check(kept.bot, kept.store, [kept.key])
    assert not found.sound
    assert "cannot be opened" in kept.row.check_words
    assert kept.row.sound is False
    assert not list(configuration().home.glob("vault-*")), "nothing of it stays"


def test_a_vault_that_cannot_be_reached_is_not_called_unsound(kept: Kept):
    assert check(kept.bot, kept.store, [kept.key]).sound
    before = kept.row.checked_at
    with away():
        found = check(kept.bot, kept.store, [kept.key])
    assert found.sound is None
    assert "could not be reached" in found.words
    assert (kept.row.sound, kept.row.checked_at) == (True, before), "nothing new is known of it"


def test_a_disk_without_room_for_the_check_says_nothing_of_the_copy(kept: Kept, small_disk: Path):
    (small_disk / "full").write_bytes(bytes((8 << 20) - 4096))
    with pytest.raises(VaultAway, match="No space left"):
        read(kept.store, kept.id, kept.folder.keys.id, [kept.key], small_disk)


def test_one_a_night_is_enough(kept: Kept):
    Vaulted.objects.update(checked_at=timezone.now() - timedelta(hours=1))
    before = kept.row.checked_at
    check_one(timezone.now())
    assert kept.row.checked_at == before
