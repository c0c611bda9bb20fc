"""A living bot moves from a pub for Node to the built-in one, and back, and loses nothing."""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from butt.sources.releases import PUB_SOURCE, digest_of
from scuttlekit import InviteCode as Code
from scuttlekit import KeyPair, RemoteError, ScuttlebuttError, connect
from tests.exports.living import add_blob, master_of
from tests.node_pub import NODE_PUB
from tests.service import Person, Service, wait_for
from tests.whole.guest import Guest
from tests.whole.test_upgrade import feed, publishes, upgrades
from tests.whole.workshop import PYTHON, Workshop


class Source:
    """What `BUTT_PUB_SOURCE` names: a link, which leads to one source or the other."""

    def __init__(self, folder: Path, home: Path) -> None:
        self.path, self.home = folder / "source", home

    def becomes(self, source: Path, built: Path | None = None) -> str:
        """The digest of its release, which exists at once if it is `built`."""
        draft = self.path.with_name("source.draft")
        draft.symlink_to(source)
        draft.rename(self.path)
        digest = digest_of(source)
        if built is not None and not (self.home / "releases" / digest).exists():
            (self.home / "releases" / digest).symlink_to(built)
        return digest


@pytest.fixture
def source(tmp_path: Path) -> Source:
    return Source(tmp_path, tmp_path / "home")


@pytest.fixture
def site(tmp_path: Path, source: Source, built_node_pub: Path) -> Iterator[Service]:
    settings = {"pub_source": source.path, "start_seconds": 30, "trial_seconds": 2}
    site = Service(tmp_path / "home", built_node_pub, **settings)
    source.becomes(NODE_PUB, built_node_pub)
    with site:
        yield site


@pytest.fixture
def alice(site: Service) -> Person:
    return site.person("alice@example.org")


@pytest.fixture
def bot(site: Service, alice: Person) -> Any:
    return alice.waits_for("alive", alice.names_a_bot("my"))


def invites(alice: Person, bot: Any, name: str, uses: int = 1) -> Any:
    path = f"/agents/{bot['id']}/invites"
    return alice.call("POST", path, {"name": name, "uses": uses}, expect=201)


def revokes(alice: Person, bot: Any, invite: Any) -> None:
    alice.call("DELETE", f"/agents/{bot['id']}/invites/{invite['id']}", expect=204)


def used(alice: Person, bot: Any) -> dict[str, int]:
    """How often each open or used-up invite was used, as its owner sees it."""
    rows = alice.call("GET", f"/agents/{bot['id']}/invites")["invites"]
    return {row["name"]: len(row["used"]) for row in rows}


def comes_in(invite: Any) -> None:
    """A new guest uses the invite code."""
    code, guest = Code.parse(invite["code"]), KeyPair.generate().id

    async def come() -> None:
        async with connect(code.address, code.keys) as peer:
            await peer.call("invite.use", {"feed": guest}, timeout=30)

    asyncio.run(come())


async def blob_of(site: Service, bot: Any, blob: str) -> bytes:
    async with master_of(site, bot) as peer:
        return b"".join([part async for part in peer.source("blobs.get", blob)])


def texts(site: Service, bot: Any) -> list[str]:
    """What its posts say; its messages are numbered without a gap."""
    messages = feed(site, bot)
    assert [number for number, _ in messages] == list(range(1, len(messages) + 1))
    return [text for _, text in messages if text]


def runtime_of(site: Service, bot: Any) -> str:
    """The name of the program that runs the bot."""
    (pub,) = site.pubs(bot)
    return Path(pub.exe()).name


def test_a_bot_changes_over_and_back_with_its_messages_invites_and_blobs(
    site: Service, alice: Person, bot: Any, source: Source, built_pub: Path
):
    node, picture = bot["release"], b"a picture" * 100_000

    async def adds() -> str:
        async with master_of(site, bot) as peer:
            return await add_blob(peer, picture)

    publishes(site, bot, "on Node")
    blob = asyncio.run(adds())
    twice, spent, revoked, later = (
        invites(alice, bot, name, uses)
        for name, uses in (("twice", 2), ("spent", 1), ("revoked", 1), ("later", 1))
    )
    comes_in(twice)

    python = source.becomes(PUB_SOURCE, built_pub)
    after = upgrades(alice, bot, python)
    assert (after["release"], after["ssbId"], after["reason"]) == (python, bot["ssbId"], None)
    assert "python" in runtime_of(site, bot)
    publishes(site, after, "on Python")
    assert asyncio.run(blob_of(site, after, blob)) == picture
    comes_in(twice)
    comes_in(spent)
    wait_for(lambda: used(alice, bot).get("twice") == 2 and used(alice, bot)["spent"] == 1)
    revokes(alice, bot, revoked)
    fresh = invites(alice, bot, "fresh")
    for closed in (twice, spent, revoked):
        with pytest.raises(RemoteError):
            comes_in(closed)
    wait_for(lambda: is_proven(site, bot))

    source.becomes(NODE_PUB)
    back = upgrades(alice, bot, node)
    assert (back["release"], back["ssbId"], back["reason"]) == (node, bot["ssbId"], None)
    assert "node" in runtime_of(site, bot)
    publishes(site, back, "on Node again")
    assert texts(site, back) == ["on Node", "on Python", "on Node again"]
    assert asyncio.run(blob_of(site, back, blob)) == picture
    for closed in (twice, spent, revoked):
        with pytest.raises(RemoteError):
            comes_in(closed)
    wait_for(lambda: is_let_in(fresh))
    comes_in(later)
    wait_for(lambda: used(alice, bot).get("later") == 1)
    assert len(site.pubs()) == 1


def is_proven(site: Service, bot: Any) -> bool:
    return not (site.home / "bots" / bot["id"] / "trial.json").exists()


def is_let_in(invite: Any) -> bool:
    """An invite that was made on the other code works as soon as the pub was told about it."""
    try:
        comes_in(invite)
    except RemoteError:
        return False
    return True


@pytest.fixture
def guest(built_stock: Path, tmp_path: Path) -> Iterator[Guest]:
    guest = Guest(built_stock, tmp_path / "guest")
    yield guest
    guest.leave()


def has_heard(site: Service, bot: Any, guest: Guest, text: str) -> bool:
    """Whether the bot has this as the latest message of its guest."""

    async def latest() -> Any:
        async with master_of(site, bot) as peer:
            return await peer.call("getLatest", guest.id)

    try:
        found = asyncio.run(latest())
    except RemoteError:
        return False
    return bool(found) and found["value"]["content"].get("text") == text


def test_a_bot_that_a_message_ended_on_node_comes_back_by_an_upgrade(
    site: Service, alice: Person, bot: Any, source: Source, built_pub: Path
):
    publishes(site, bot, "before")

    async def says_what_ends_it() -> None:
        async with master_of(site, bot) as peer:
            await peer.call("publish", "AAAAAAAA.box", timeout=10)

    with suppress(ScuttlebuttError):
        asyncio.run(says_what_ends_it())
    broken = alice.waits_for("broken", bot)
    assert "damaged" not in broken["reason"]
    python = source.becomes(PUB_SOURCE, built_pub)
    wait_for(lambda: alice.asks("upgrade", bot)["state"] != "broken")
    after = alice.waits_for("alive", bot)
    assert (after["release"], after["ssbId"], after["reason"]) == (python, bot["ssbId"], None)
    publishes(site, after, "after")

    async def all_of_it() -> list[Any]:
        async with master_of(site, after) as peer:
            return await peer.collect("createUserStream", {"id": peer.id}, limit=100)

    said = [message["value"]["content"] for message in asyncio.run(all_of_it())]
    assert "AAAAAAAA.box" in said
    assert [one["text"] for one in said if isinstance(one, dict) and "text" in one] == ["before", "after"]


def test_a_guests_messages_arrive_on_either_code_and_none_is_lost(
    site: Service, alice: Person, bot: Any, source: Source, built_pub: Path, guest: Guest
):
    guest.accept(invites(alice, bot, "Gwen")["code"])
    said = []

    def says_and_is_heard(seen: Any, text: str) -> None:
        said.append(text)
        guest.call("publish", {"type": "post", "text": text})
        wait_for(lambda: has_heard(site, seen, guest, text), 90)

    says_and_is_heard(bot, "to Node")
    python = source.becomes(PUB_SOURCE, built_pub)
    moved = upgrades(alice, bot, python)
    says_and_is_heard(moved, "to Python")
    wait_for(lambda: is_proven(site, bot))
    source.becomes(NODE_PUB)
    back = upgrades(alice, bot, bot["release"])
    says_and_is_heard(back, "to Node again")
    assert [text for _, text in feed(site, {**back, "ssbId": guest.id}) if text] == said


@pytest.mark.parametrize(
    ("code", "why"), [("crashes", "ended again and again"), ("is_silent", "did not answer within")]
)
def test_it_comes_back_by_itself_from_a_python_that_does_not_answer(
    site: Service,
    alice: Person,
    bot: Any,
    source: Source,
    built_pub: Path,
    tmp_path: Path,
    code: str,
    why: str,
):
    workshop = Workshop(tmp_path / "python", built_pub, PUB_SOURCE)
    workshop.home = site.home
    publishes(site, bot, "before")
    invite = invites(alice, bot, "Bob")
    bad = workshop.writes(getattr(PYTHON, code))
    source.becomes(workshop.folder)
    after = upgrades(alice, bot, bad)
    assert (after["release"], after["ssbId"]) == (bot["release"], bot["ssbId"])
    assert "It went back to its earlier code" in after["reason"]
    assert why in after["reason"]
    publishes(site, after, "after")
    assert texts(site, after) == ["before", "after"]
    comes_in(invite)
    assert "node" in runtime_of(site, bot)
    assert not (site.home / "bots" / bot["id"] / "ballast").exists()


def test_it_comes_back_by_itself_from_a_node_that_does_not_answer(
    site: Service,
    alice: Person,
    bot: Any,
    source: Source,
    built_pub: Path,
    built_node_pub: Path,
    tmp_path: Path,
):
    publishes(site, bot, "on Node")
    python = source.becomes(PUB_SOURCE, built_pub)
    moved = upgrades(alice, bot, python)
    publishes(site, moved, "on Python")
    wait_for(lambda: is_proven(site, bot))
    workshop = Workshop(tmp_path / "node", built_node_pub, NODE_PUB)
    workshop.home = site.home
    bad = workshop.writes(workshop.programs.crashes)
    source.becomes(workshop.folder)
    after = upgrades(alice, bot, bad)
    assert (after["release"], after["ssbId"]) == (python, bot["ssbId"])
    assert "It went back to its earlier code" in after["reason"]
    publishes(site, after, "on Python again")
    assert texts(site, after) == ["on Node", "on Python", "on Python again"]
    assert "python" in runtime_of(site, bot)
