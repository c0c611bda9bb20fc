"""A machine sends its bots' data: the program that runs there, against the private server's own views."""

import hashlib
import json
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyrage
import pytest
from django.test import Client

from butt.agents.models import Agent, Progress
from butt.machines import tokens
from butt.machines.models import Machine, Placement
from butt.private import vault
from butt.storage import store_at
from butt.vault.models import Vaulted
from butt.vault.reading import read
from butt.vault.writing import things_of
from tests.machines.machines import alices, bot
from tests.on_machines import imported
from tests.private.test_machines import bears, client
from tests.sources.conftest import settings_of
from tests.vault.folders import Folder

__all__ = ["alices", "bot", "client", "settings_of"]

pytestmark = pytest.mark.django_db


butt_vault, butt_sender = imported("butt_vault"), imported("butt_sender")


class PrivateServer:
    """The private server without its sockets; `down` is what it answers instead."""

    def __init__(self, client: Client, token: dict[str, str]) -> None:
        self._client, self._token = client, token
        self.down = 0
        self.asked: list[tuple[str, str]] = []

    def ask(self, told: dict[str, Any], method: str, path: str, body: bytes | str | None = None) -> Any:
        self.asked.append((method, path))
        if self.down:
            raise butt_vault.PrivateServerAway("it is down")
        kind = "application/json" if method == "POST" else "application/octet-stream"
        answer = self._client.generic(
            method, f"/agents/{told['agent']}/vault{path}", body or b"", kind, headers=self._token
        )
        if answer.status_code in (200, 204):
            return json.loads(answer.content) if answer.content else None
        if answer.status_code in (429, 500, 503):
            raise butt_vault.PrivateServerAway(str(answer.status_code))
        raise butt_vault.SendRefused(answer.status_code)


class Machines:
    """The machine `m1` with one bot, whose clock advances when it is told to."""

    def __init__(self, server: PrivateServer, folder: Folder, bot_id: uuid.UUID) -> None:
        self.server, self.folder, self.bot_id, self.now = server, folder, bot_id, 0.0
        self.told = {"agent": "m1", "bots": {str(bot_id): str(folder.data)}}
        self.starts()

    def starts(self) -> None:
        """The program, after it was killed at any time."""
        self.sender = butt_vault.VaultSender(self.server, lambda: self.now)

    def goes_on(self, seconds: int = 8) -> None:
        for _ in range(seconds):
            self.now += 1
            self.sender.round(self.told)


@pytest.fixture
def key() -> Any:
    return pyrage.x25519.Identity.generate()


@pytest.fixture
def place(tmp_path: Path, key: Any, settings_of: Callable[..., None]) -> Iterator[str]:
    place = f"file://{tmp_path}/vault"
    settings_of(vault=place, vault_key=str(key.to_public()))
    vault._vault.cache_clear()
    yield place
    vault._vault.cache_clear()


@pytest.fixture
def machine(client: Client, place: str, alices: Machine, bot: Agent, tmp_path: Path) -> Machines:
    folder = Folder(tmp_path / "volume")
    Placement.objects.filter(bot=bot).update(ssb_id=folder.keys.id)
    Progress.objects.filter(bot=bot).update(ssb_id=folder.keys.id)
    return Machines(PrivateServer(client, bears(tokens.issue(alices))), folder, bot.id)


def names(machine: Machines, place: str) -> list[str]:
    return sorted(name for name, _ in things_of(store_at(place), machine.bot_id))


def back(machine: Machines, place: str, key: Any, folder: Path) -> bytes:
    folder.mkdir()
    read(store_at(place), machine.bot_id, machine.folder.keys.id, [key], folder)
    return (folder / "flume" / "log.offset").read_bytes()


def test_everything_arrives_within_ten_seconds_and_once(
    machine: Machines, place: str, key: Any, tmp_path: Path
):
    machine.folder.has_blob(b"a picture")
    (machine.folder.data / "aliases.json").write_text("{}")
    machine.folder.says(3)
    machine.goes_on()
    machine.folder.says(2)
    machine.goes_on()
    assert back(machine, place, key, tmp_path / "back") == machine.folder.log.read_bytes()
    sent = names(machine, place)
    assert (tmp_path / "back" / "aliases.json").read_text() == "{}"
    assert [name.partition("/")[0] for name in sent] == ["aliases", "blobs", "log", "log", "secret"]
    machine.starts()
    machine.goes_on(60)
    assert names(machine, place) == sent, "another one sends nothing again"
    quiet = len(machine.server.asked)
    machine.goes_on(60)
    assert len(machine.server.asked) - quiet == 1, (
        "of what is as it was it is only said that it is looked after"
    )


def test_small_pieces_are_merged(
    machine: Machines, place: str, key: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(butt_sender, "SMALL_PIECES", 4)
    for number in range(15):
        machine.folder.says(1)
        if number == 6:
            machine.starts()
        machine.goes_on()
        assert sum(name.startswith("log/") for name in names(machine, place)) <= 4
    assert back(machine, place, key, tmp_path / "back") == machine.folder.log.read_bytes()
    there = [size for _, size in things_of(store_at(place), machine.bot_id)]
    known = Vaulted.objects.get(bot_id=machine.bot_id)
    assert (known.things, known.size) == (len(there), sum(there))


def test_a_piece_is_sent_at_once(machine: Machines, place: str):
    machine.folder.says(200, "x" * 7000)
    machine.goes_on(2)
    assert sum(name.startswith("log/") for name in names(machine, place)) == 1


def test_while_the_server_refuses_it_waits_and_then_sends_everything(
    machine: Machines, place: str, key: Any, tmp_path: Path
):
    machine.folder.says(1)
    machine.goes_on()
    machine.server.down = 503
    machine.folder.says(4)
    machine.goes_on(30)
    machine.server.down = 0
    machine.goes_on(30)
    assert back(machine, place, key, tmp_path / "back") == machine.folder.log.read_bytes()
    assert not Vaulted.objects.get(bot_id=machine.bot_id).behind


def test_a_bot_that_was_moved_away_is_asked_about_again_only_later(machine: Machines, place: str):
    Placement.objects.all().delete()
    machine.folder.says(1)
    machine.goes_on(50)
    assert len(machine.server.asked) == 1
    assert names(machine, place) == []


def test_another_identity_is_never_sent(machine: Machines, place: str):
    Placement.objects.update(ssb_id=None)
    machine.folder.says(1)
    machine.goes_on(20)
    assert names(machine, place) == []
    assert "409" in Vaulted.objects.get(bot_id=machine.bot_id).trouble


def test_no_link_of_a_bot_is_followed(machine: Machines, place: str, tmp_path: Path):
    (tmp_path / "passwd").write_text("secrets of the machine")
    (machine.folder.data / "gossip.json").symlink_to(tmp_path / "passwd")
    picture = hashlib.sha256(b"x").hexdigest()
    (machine.folder.data / "blobs" / "sha256" / picture[:2]).mkdir(parents=True)
    (tmp_path / "x").write_bytes(b"x")
    (machine.folder.data / "blobs" / "sha256" / picture[:2] / picture[2:]).symlink_to(tmp_path / "x")
    machine.folder.log.unlink()
    machine.folder.log.symlink_to(tmp_path / "passwd")
    machine.goes_on(40)
    assert [name.partition("/")[0] for name in names(machine, place)] == ["secret"]


def test_lost_data_sends_nothing(machine: Machines, place: str):
    machine.folder.says(3)
    machine.goes_on()
    sent = names(machine, place)
    (machine.folder.data / "secret").unlink()
    machine.folder.log.unlink()
    machine.goes_on(60)
    assert names(machine, place) == sent
