"""What a machine puts into the vault: of its own bots alone, added and never written over, and sealed here."""

import hashlib
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import obstore
import pyrage
import pytest
from django.test import Client

from butt.agents.models import Agent
from butt.machines import tokens
from butt.machines.models import Machine, Placement
from butt.private import vault
from butt.storage import store_at
from butt.vault.models import Vaulted
from butt.vault.reading import read
from butt.vault.sender import new_line
from butt.vault.writing import things_of
from scuttlekit.keys import KeyPair
from scuttlekit.messages import create
from scuttlekit.offsetlog import framed
from scuttlekit.pub.store.records import record_of
from tests.machines.machines import machine, placed_bot
from tests.people import person
from tests.private.test_machines import bears, client, master
from tests.sources.conftest import settings_of

__all__ = ["client", "settings_of"]

pytestmark = pytest.mark.django_db

LINE = new_line()


@pytest.fixture
def key() -> Any:
    return pyrage.x25519.Identity.generate()


@pytest.fixture
def place(tmp_path: Path, key: Any, settings_of: Callable[..., None]) -> str:
    place = f"file://{tmp_path}/vault"
    settings_of(vault=place, vault_key=str(key.to_public()))
    vault._vault.cache_clear()
    return place


@pytest.fixture
def keys(bot: Agent) -> KeyPair:
    keys = KeyPair.generate()
    Placement.objects.filter(bot=bot).update(ssb_id=keys.id)
    return keys


@pytest.fixture
def sends(client: Client, place: str, alices: Machine, bot: Agent) -> Callable[..., Any]:
    token = bears(tokens.issue(alices))

    def sends(path: str, content: bytes, of: uuid.UUID = bot.id, minion_id: str = "m1") -> Any:
        url = f"/agents/{minion_id}/vault/{of}/{path}"
        return client.put(url, content, content_type="application/octet-stream", headers=token)

    return sends


def log_of(keys: KeyPair, count: int) -> bytes:
    log, last = b"", None
    for _ in range(count):
        last = create({"type": "post", "text": "hello"}, keys, last and last.head, 1.0)
        log += framed([record_of(last, 1.0)], len(log))[0]
    return log


def test_all_that_a_machine_sends_can_be_read_back(
    sends: Callable[..., Any],
    client: Client,
    alices: Machine,
    bot: Agent,
    keys: KeyPair,
    place: str,
    key: Any,
    tmp_path: Path,
):
    log, content = log_of(keys, 4), b"a picture"
    digest = hashlib.sha256(content).hexdigest()
    assert sends("secret", keys.format().encode()).status_code == 204
    assert sends("gossip", b"[]").status_code == 204
    assert sends(f"blobs/{digest}", content).status_code == 204
    first = sends(f"log/{LINE}/0", log + b"\0\0\1").json()
    assert first == {"end": len(log)}, "a record on its way is not kept"
    assert sends(f"log/{LINE}/0", log).status_code == 200, "twice does no harm"

    told = client.get(f"/agents/m1/vault/{bot.id}", headers=bears(tokens.issue(alices))).json()
    assert (told["line"], told["start"], told["end"]) == (LINE, 0, len(log))
    assert told["digest"] == hashlib.sha256(log).hexdigest()[:32]
    assert told["blobs"] == [digest]
    assert told["gossip"] == hashlib.sha256(b"[]").hexdigest()[:32]
    row, store = Vaulted.objects.get(bot_id=bot.id), store_at(place)
    assert (row.things, row.size) == (4, sum(size for _, size in things_of(store, bot.id)))
    for name, _ in things_of(store, bot.id):
        sealed = bytes(obstore.get(store, f"bots/{bot.id}/{name}").bytes())
        assert sealed.startswith(b"age-encryption.org/v1")
    back = tmp_path / "back"
    back.mkdir()
    copy = read(store, bot.id, keys.id, [key], back)
    assert (copy.sequence, copy.blobs) == (4, 1)
    assert (back / "flume" / "log.offset").read_bytes() == log


def test_a_machine_adds_to_its_own_bots_alone(
    sends: Callable[..., Any], client: Client, bot: Agent, place: str, keys: KeyPair
):
    theirs = placed_bot(person("bob"), machine("m2"), "bobs")
    assert sends("gossip", b"[]", of=theirs.id).status_code == 404
    assert sends("gossip", b"[]", minion_id="m2", of=theirs.id).status_code == 403
    assert sends("gossip", b"[]", of=uuid.uuid4()).status_code == 404
    masters = client.put(f"/agents/m1/vault/{bot.id}/gossip", b"[]", headers=master())
    assert masters.status_code == 403
    assert list(things_of(store_at(place), theirs.id)) == []


def test_what_is_no_part_of_the_bot_is_refused(
    sends: Callable[..., Any], keys: KeyPair, bot: Agent, place: str
):
    assert sends("secret", KeyPair.generate().format().encode()).status_code == 409
    assert sends("secret", b"\xff").status_code == 409
    assert sends(f"blobs/{'0' * 64}", b"other").status_code == 409
    assert sends("blobs/..%2f..%2fother", b"x").status_code in (403, 404, 422)
    assert sends("log/../0", b"x").status_code in (403, 404, 422)
    assert sends("log/2/0", log_of(keys, 1)).status_code == 422
    assert sends("other", b"x").status_code == 404
    assert sends(f"log/{LINE}/0", b"no record").json() == {"end": 0}
    assert list(things_of(store_at(place), bot.id)) == []


def test_beyond_its_room_nothing_is_taken(
    sends: Callable[..., Any], keys: KeyPair, bot: Agent, client: Client, alices: Machine
):
    assert client.get(f"/agents/m1/vault/{bot.id}", headers=bears(tokens.issue(alices))).status_code == 200
    Vaulted.objects.filter(bot_id=bot.id).update(size=21 << 30)
    assert sends("gossip", b"[]").status_code == 507


def test_a_vault_that_is_away_is_said_to_be(sends: Callable[..., Any], tmp_path: Path, keys: KeyPair):
    assert sends("gossip", b"[]").status_code == 204
    for path in sorted((tmp_path / "vault").rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    (tmp_path / "vault").rmdir()
    (tmp_path / "vault").write_text("in the way")
    assert sends("gossip", b"[1]").status_code == 503


def test_how_far_behind_its_bots_are(client: Client, alices: Machine, bot: Agent, place: str):
    theirs = placed_bot(person("bob"), machine("m2"), "bobs")
    for one in (bot, theirs):
        Vaulted.objects.create(bot_id=one.id)
    token = bears(tokens.issue(alices))
    said = {str(bot.id): [5, 20, ""], str(theirs.id): [9, 9, "lies"]}
    path = "/agents/m1/vault"
    assert client.post(path, said, content_type="application/json", headers=token).status_code == 204
    mine, other = Vaulted.objects.get(bot_id=bot.id), Vaulted.objects.get(bot_id=theirs.id)
    assert (mine.behind, other.behind, other.trouble) == (5, 0, "")
    assert mine.behind_since
    for bad in ("[]", "{", '{"x": [1, 2, ""]}', f'{{"{bot.id}": [1]}}', f'{{"{bot.id}": ["a", 1, ""]}}'):
        assert client.post(path, bad, content_type="application/json", headers=token).status_code == 422
