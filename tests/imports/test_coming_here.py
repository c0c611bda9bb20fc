"""An export is imported again, or a pub comes from elsewhere: the same identity, every message, and no
sequence used twice.
"""

import asyncio
import socket
import sqlite3
import urllib.error
import urllib.request
from contextlib import closing
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest

from scuttlekit import Address, KeyPair, RemoteError, ScuttlebuttError, connect
from scuttlekit.aliases import confirmation
from tests import stock
from tests.exports.living import master_of, publish, save_export, waits_for_its_profile
from tests.imports.bringing import bring, is_swept
from tests.imports.tars import folder_files, tar_of
from tests.service import Person, Service, wait_for

HUSH = "catching up with its own messages"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, built_pub: Path):
    with Service(tmp_path_factory.mktemp("home"), built_pub, keep_days=0, import_gib=1) as service:
        yield service


async def spoken(site: Service, seen: object) -> dict[int, object]:
    async with master_of(site, seen) as peer:
        return await stock.feed_of(peer, most=10_000)


async def speak(site: Service, seen: object) -> None:
    async with master_of(site, seen) as peer:
        await publish(peer, 5)


def leaves(who: Person, bot: object) -> None:
    who.call("DELETE", f"/agents/{bot['id']}", expect=202)
    wait_for(lambda: who.site.ask("GET", f"/agents/{bot['id']}", token=who.token)[0] == 404)


def is_well(seen: Any) -> bool:
    """While a bot is not alive for a moment, nothing is shown about catching up."""
    return seen["state"] == "alive" and seen["reason"] is None


def test_an_export_comes_back_when_the_bot_is_gone(site: Service, tmp_path: Path):
    alice = site.person("alice@example.org")
    bot = alice.names_a_bot("my")
    alive = alice.waits_for("alive", bot)
    waits_for_its_profile(site, alive)
    asyncio.run(speak(site, alive))
    alice.asks("stop", bot)
    alice.waits_for("stopped", bot)
    save_export(alice, bot, "all", tmp_path / "all.tar")
    tar = (tmp_path / "all.tar").read_bytes()
    alice.asks("start", bot)
    before = asyncio.run(spoken(site, alice.waits_for("alive", bot)))
    status, answer = bring(alice, "back", tar)
    assert (status, answer["error"]["code"]) == (409, "already_here")
    leaves(alice, bot)

    status, brought = bring(alice, "back", tar)
    assert status == 201, brought
    assert brought["ssbId"] == alive["ssbId"]
    back = alice.waits_for("alive", brought)
    assert "publishes nothing" in wait_for(lambda: alice.sees(brought)["reason"])
    assert asyncio.run(spoken(site, back)) == before
    with pytest.raises(RemoteError, match=HUSH):
        asyncio.run(speak(site, back))
    alice.call("POST", f"/agents/{brought['id']}/caught-up", expect=202)
    wait_for(lambda: is_well(alice.sees(brought)))
    asyncio.run(speak(site, back))
    after = asyncio.run(spoken(site, back))
    assert before.items() <= after.items()
    assert list(after) == list(range(1, len(after) + 1))
    assert len(after) >= len(before) + 5
    assert is_swept(site.home)

    alice.asks("restart", brought)
    wait_for(
        lambda: (
            alice.sees(brought)["state"] == "alive" and alice.sees(brought)["status"]["uptime"] is not None
        )
    )
    assert alice.sees(brought)["reason"] is None


def test_a_room_comes_back_with_its_members_and_their_aliases(site: Service, tmp_path: Path):
    dora, member = site.person("dora@example.org"), KeyPair.generate()
    made = dora.names_a_bot("cafe", service="room")
    room = dora.waits_for("alive", made)
    waits_for_its_profile(site, room)
    dora.call("PUT", f"/agents/{room['id']}/members/{member.id}", {"relation": "follows"})
    wait_for(lambda: asyncio.run(has_alias(room, member, "carol")))
    assert members_of(dora, room) == [(member.id, ["carol"])]
    wait_for(lambda: aliases_seen(site) == 1)
    dora.asks("stop", room)
    dora.waits_for("stopped", room)
    save_export(dora, room, "all", tmp_path / "cafe.tar")
    leaves(dora, room)

    status, brought = bring(dora, "home", (tmp_path / "cafe.tar").read_bytes())
    assert (status, brought["service"], brought["ssbId"]) == (201, "room", room["ssbId"])
    dora.waits_for("alive", brought)
    wait_for(lambda: members_of(dora, brought) == [(member.id, ["carol"])])


def aliases_seen(site: Service) -> int | None:
    """What the monitor wrote down of the one room that there is."""
    with closing(sqlite3.connect(site.home / "butt.sqlite3", timeout=20)) as database:
        query = "SELECT aliases FROM agents_observed JOIN agents_agent ON id = bot_id WHERE service = 'room'"
        return database.execute(query).fetchone()[0]


async def has_alias(room: Any, member: KeyPair, alias: str) -> bool:
    """Whether the room took the alias, which it does once it was told where the pages of aliases are."""
    host, _, port = room["address"].partition("~")[0].removeprefix("net:").rpartition(":")
    signature = member.sign_text(confirmation(room["ssbId"], member.id, alias))
    try:
        async with connect(Address(host, int(port), room["ssbId"]), member) as peer:
            await peer.call("room.registerAlias", alias, signature)
    except ScuttlebuttError:
        return False
    return True


def members_of(who: Person, room: Any) -> list[tuple[str, list[str]]]:
    """Id and aliases of each; none while the room cannot be asked."""
    status, answer = who.site.ask("GET", f"/agents/{room['id']}/members", token=who.token)
    found = answer["members"] if status == HTTPStatus.OK else []
    return [(each["ssbId"], each.get("aliases", [])) for each in found]


def test_an_older_export_gets_its_newer_messages_from_a_peer_first(site: Service, tmp_path: Path):
    bob = site.person("bob@example.org")
    friend, bot = bob.names_a_bot("friend"), bob.names_a_bot("bobs")
    peer, alive = bob.waits_for("alive", friend), bob.waits_for("alive", bot)
    waits_for_its_profile(site, alive)

    async def befriend() -> None:
        async with master_of(site, peer) as they, master_of(site, alive) as we:
            follow = {"type": "contact", "following": True}
            await they.call("publish", {**follow, "contact": alive["ssbId"]})
            await we.call("publish", {**follow, "contact": peer["ssbId"]})
            await we.call("gossip.connect", peer["address"])

    asyncio.run(befriend())
    asyncio.run(speak(site, alive))
    log = site.home / "bots" / bot["id"] / "data" / "gossip.json"
    wait_for(lambda: log.exists() and peer["ssbId"] in log.read_text())
    save_export(bob, bot, "all", tmp_path / "old.tar")
    asyncio.run(speak(site, alive))
    newest = asyncio.run(spoken(site, alive))

    async def friend_has() -> bool:
        async with master_of(site, peer) as they:
            latest = await they.call("getLatest", alive["ssbId"])
            return bool(latest and latest["value"]["sequence"] == len(newest))

    wait_for(lambda: asyncio.run(friend_has()))
    leaves(bob, bot)
    status, brought = bring(bob, "again", (tmp_path / "old.tar").read_bytes())
    assert status == 201, brought
    seen = bob.waits_for("alive", brought)
    # Its owner is wrong: the service remembers that there were more.
    bob.call("POST", f"/agents/{brought['id']}/caught-up", expect=202)
    wait_for(lambda: is_well(bob.sees(brought)), 120)
    assert newest.items() <= asyncio.run(spoken(site, seen)).items()
    asyncio.run(speak(site, seen))
    after = asyncio.run(spoken(site, seen))
    assert newest.items() <= after.items()
    assert list(after) == list(range(1, len(after) + 1))


def test_garbage_leaves_nothing_behind(site: Service, tmp_path: Path):
    carol = site.person("carol@example.org")
    files = folder_files(tmp_path / "there")
    others = {**files, "secret": folder_files(tmp_path / "other")["secret"].replace(b"ed25519", b"ed25518")}
    log = files["flume/log.offset"]
    for tar, code in (
        (b"", "bad_archive"),
        (b"rubbish" * 1000, "bad_archive"),
        (tar_of(files.items())[:2000], "bad_archive"),
        (tar_of([("../secret", b"")]), "bad_archive"),
        (tar_of(others.items()), "secret_damaged"),
        (tar_of({**files, "flume/log.offset": b"x" * 100}.items()), "log_damaged"),
        (tar_of({**files, "flume/log.offset": log[:50] + b"\0" + log[51:]}.items()), "log_damaged"),
    ):
        status, answer = bring(carol, "rubbish", tar)
        assert answer["error"]["code"] == code, answer
        assert status in (409, 422)
        assert is_swept(site.home)
    for name, stopped, code in (("my bot", "for-good", "bad_name"), ("rubbish", "", "bad_request")):
        status, answer = bring(carol, name, tar_of(files.items()), stopped)
        assert (status, answer["error"]["code"]) == (422, code)
    assert len(carol.call("GET", "/agents")["agents"]) == 1


def test_ten_gigabytes_are_refused_before_the_first_byte(site: Service):
    dave = site.person("dave@example.org")
    status, answer = bring(dave, "huge", b"", **{"Content-Length": str(10 << 30)})
    assert (status, answer["error"]["code"]) == (413, "too_big")
    assert "1 GiB" in answer["error"]["message"]
    assert is_swept(site.home)


def test_an_interrupted_upload_leaves_nothing(site: Service, tmp_path: Path):
    erin = site.person("erin@example.org")
    tar = tar_of(folder_files(tmp_path / "there").items())
    with closing(socket.create_connection(("127.0.0.1", site.port))) as line:
        head = f"POST /agents/import?name=half&stopped=for-good HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {erin.token}\r\nContent-Length: {len(tar)}\r\n\r\n"
        line.sendall(head.encode() + tar[:3000])
        wait_for(lambda: not is_swept(site.home))
        status, answer = bring(erin, "half", tar)
        assert (status, answer["error"]["code"]) == (409, "import_under_way")
    wait_for(lambda: is_swept(site.home))


def test_other_calls_read_no_more_than_they_can_use(site: Service):
    frank = site.person("frank@example.org")
    for path in ("/agents", "/nowhere"):
        request = urllib.request.Request(site.url + path, method="POST", data=b"")
        request.add_header("Content-Length", str(10 << 30))
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(request, timeout=20)
        assert refused.value.code == 413
    assert frank.call("GET", "/agents")
