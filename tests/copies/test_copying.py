"""A copy of one's own: whole, sealed, at S3 and WebDAV servers that nobody here wrote, and told of when it fails."""

import asyncio
import io
import tarfile
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import obstore
import pyrage
import pytest
from django.test import Client
from django.utils import timezone

from butt.accounts.models import Account
from butt.agents.actions import Refused
from butt.agents.bots import bots
from butt.agents.models import Agent, Observed, Progress
from butt.agents.states import State
from butt.copies import copying
from butt.copies.actions import CopyPlace, ask_now, choose, end
from butt.copies.chores import tell_of_failing
from butt.copies.copying import Copier, names_at
from butt.copies.models import OwnCopy
from butt.copies.places import opened
from scuttlekit import connect
from tests import stock
from tests.copies.webdav import webdav_server
from tests.outbox.sent import sent
from tests.people import account, bot_in
from tests.s3 import s3_server
from tests.sources.conftest import settings_of
from tests.vault.folders import Folder

__all__ = ["settings_of"]

pytestmark = pytest.mark.django_db

KEY = pyrage.x25519.Identity.generate()


@pytest.fixture
def alice() -> Account:
    return account("alice")


@pytest.fixture
def bot(alice: Account, tmp_path: Path, settings_of: Callable[..., None]) -> Agent:
    settings_of(home=tmp_path, copies_anywhere=True)
    made = bot_in(State.ALIVE, alice.agent)
    folder = Folder(tmp_path / "bots" / str(made.id) / "data")
    folder.says(5)
    folder.has_blob(b"a picture")
    Progress.objects.filter(bot=made).update(ssb_id=folder.keys.id)
    Observed.objects.filter(bot=made).update(sequence=5)
    return bots().get(id=made.id)


@pytest.fixture(params=["s3", "webdav"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[CopyPlace]:
    key = str(KEY.to_public())
    if request.param == "s3":
        with s3_server() as bucket:
            yield CopyPlace("s3", bucket["AWS_ENDPOINT"], key, bucket="copies", user="key", secret="secret")
        return
    (tmp_path / "dav" / "mine").mkdir(parents=True)
    with webdav_server(tmp_path / "dav", "alice", "hers") as url:
        yield CopyPlace("webdav", f"{url}/mine", key, user="alice", secret="hers")


def there(row: OwnCopy) -> dict[str, bytes]:
    with opened(row) as store:
        return {name: bytes(obstore.get(store, name).bytes()) for name in names_at(row, store)}


def unpacked(files: dict[str, bytes], into: Path) -> None:
    """As `cat *.tar.age.* | age -d | tar -x` does."""
    sealed = b"".join(files[name] for name in sorted(files) if not name.endswith("whole"))
    into.mkdir()
    with tarfile.open(fileobj=io.BytesIO(pyrage.decrypt(sealed, [KEY]))) as archive:
        archive.extractall(into, filter="data")


def test_it_is_whole_and_the_network_s_own_server_starts_on_it(
    alice: Account,
    bot: Agent,
    place: CopyPlace,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    built_stock: Path,
):
    monkeypatch.setattr(copying, "PART", 2000)
    choose(alice.agent, bot, place)
    assert Copier().round() == 0.0
    row = OwnCopy.objects.get(bot=bot)
    assert (row.trouble, row.begun_at) == ("", None)
    assert row.done_at
    assert row.due_at > timezone.now() + timedelta(hours=23)
    files = there(row)
    assert len(files) > 3
    assert sum(len(files[name]) for name in files if not name.endswith("whole")) == row.size
    unpacked(files, tmp_path / "data")
    if place.kind == "webdav":
        asyncio.run(_lives(built_stock, tmp_path, str(bot.progress.ssb_id)))


async def _lives(release: Path, folder: Path, ssb_id: str) -> None:
    async with stock.stock_server(release, folder) as address:
        assert address.key == ssb_id
        async with connect(address, stock.MASTER) as peer:
            latest = await peer.call("getLatest", peer.id, timeout=60)
            assert latest["value"]["sequence"] == 5


def test_a_place_that_refuses_is_told_of_and_then_by_mail_once(
    alice: Account, bot: Agent, settings_of: Callable[..., None]
):
    choose(alice.agent, bot, CopyPlace("webdav", "http://127.0.0.1:9/x", str(KEY.to_public())))
    Copier().round()
    row = OwnCopy.objects.get(bot=bot)
    assert "The place refused the copy" in row.trouble
    assert row.failing_since
    tell_of_failing(timezone.now() + timedelta(days=2))
    assert not sent()
    for _ in range(2):
        tell_of_failing(timezone.now() + timedelta(days=3, minutes=1))
    (letter,) = sent()
    assert "No copy of my" in letter.subject
    assert letter.to == [alice.email]


def test_nothing_private_is_reached_where_strangers_have_bots(
    alice: Account, bot: Agent, settings_of: Callable[..., None]
):
    settings_of(copies_anywhere=False)
    with pytest.raises(Refused):
        choose(alice.agent, bot, CopyPlace("webdav", "http://storage.example/x", str(KEY.to_public())))
    choose(alice.agent, bot, CopyPlace("webdav", "https://127.0.0.1:8001/x", str(KEY.to_public())))
    Copier().round()
    assert "The place refused the copy" in OwnCopy.objects.get(bot=bot).trouble


def test_old_copies_go_and_nothing_else_there(
    alice: Account, bot: Agent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(copying, "KEPT", 2)
    (tmp_path / "dav" / "mine").mkdir(parents=True)
    old = ["my-20200101T000000Z.tar.age", "my-20210101T000000Z.tar.age", "my-20220101T000000Z.tar.age"]
    for stem in old[:2]:
        (tmp_path / "dav" / "mine" / f"{stem}.0000").write_text("x")
        (tmp_path / "dav" / "mine" / f"{stem}.whole").write_text("x")
    (tmp_path / "dav" / "mine" / f"{old[2]}.0000").write_text("broken off")
    (tmp_path / "dav" / "mine" / "mine.txt").write_text("mine")
    with webdav_server(tmp_path / "dav", "a", "b") as url:
        choose(
            alice.agent, bot, CopyPlace("webdav", f"{url}/mine", str(KEY.to_public()), user="a", secret="b")
        )
        Copier().round()
    left = sorted(path.name for path in (tmp_path / "dav" / "mine").iterdir())
    assert f"{old[0]}.0000" not in left
    assert f"{old[2]}.0000" not in left
    assert {f"{old[1]}.0000", f"{old[1]}.whole", "mine.txt"} <= set(left)
    assert len(left) == 5


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"kind": "ftp"}, "kind"),
        ({"url": "ftp://x"}, "url"),
        ({"url": "https://a:b@x.example/"}, "url"),
        ({"url": "https://[x/"}, "url"),
        ({"kind": "s3", "bucket": "../x"}, "bucket"),
        ({"kind": "s3", "bucket": "copies"}, "secret"),
        ({"key": "AGE-SECRET-KEY-1"}, "key"),
        ({"key": "age1wrong"}, "key"),
    ],
)
def test_what_cannot_be_a_place_is_refused(alice: Account, bot: Agent, changed: dict[str, Any], field: str):
    given = {"kind": "webdav", "url": "https://x.example/y", "key": str(KEY.to_public()), **changed}
    with pytest.raises(Refused) as no:
        choose(alice.agent, bot, CopyPlace(**given))
    assert no.value.field in (field, "encrypt")
    assert not OwnCopy.objects.exists()


def test_its_secret_is_kept_for_the_same_place_and_for_no_other(alice: Account, bot: Agent):
    place = CopyPlace("webdav", "https://x.example/y", str(KEY.to_public()), user="a", secret="b")
    choose(alice.agent, bot, place)
    assert choose(alice.agent, bot, CopyPlace(place.kind, place.url, place.key, user="a")).secret == "b"
    elsewhere = CopyPlace(place.kind, "https://other.example/", place.key, user="a")
    assert choose(alice.agent, bot, elsewhere).secret == ""


def test_on_the_page(alice: Account, bot: Agent):
    browser = Client()
    browser.force_login(alice)
    page = browser.get("/bots/my").content.decode()
    assert "copy of my own" in page
    assert browser.get("/bots/my/copy").status_code == 302, "it asks who is there"
    choose(
        alice.agent, bot, CopyPlace("webdav", "https://x.example/y", str(KEY.to_public()), secret="hidden")
    )
    ask_now(alice.agent, bot)
    end(alice.agent, bot)
    assert not OwnCopy.objects.exists()
    with pytest.raises(Refused):
        ask_now(alice.agent, bot)
