"""The apps that people use join the pub, and their messages and blobs reach each other through it.

Each app consists of its own unchanged modules. The two sides are two kinds of apps, so that neither side is
ours.
"""

import hashlib
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scuttlekit.offsetlog import framed
from tests.clients.apps import App
from tests.clients.conftest import MakeApp
from tests.clients.servers import Server
from tests.pub.pubs import Client, Pub, until
from tests.pub.test_backlogs import record
from tests.scuttlekit.store.voices import Voice

LARGE = 4_900_000
MANY, LONG = 20_000, 300
OTHER = {"manyverse": "oasis", "oasis": "ssb-server", "ssb-server": "manyverse"}
EACH = pytest.mark.parametrize("name", list(OTHER))


def lets_in(app: App | Server, pub: Pub, client: Client, invite: Callable[..., str]) -> None:
    """The app joins by a code, or Manyverse as after an HTTP invite, and its owner follows the pub."""
    if app.name != "manyverse":
        app("join", invite())
        # As Oasis does itself, which lists the pubs that it joined; ssb-server knows it already.
        app("remember", pub.address, pub.id)
    else:
        client.call(pub, "publish", {"type": "contact", "contact": app.id, "following": True})
        app("remember", pub.address, pub.id)
        app("connect", pub.address, pub.id)
        follow(app, pub.id)


def follow(app: App | Server, feed: str) -> None:
    app("publish", {"type": "contact", "contact": feed, "following": True})


def is_followed(client: Client, pub: Pub, app: App | Server) -> bool:
    return client.call(pub, "friends.isFollowing", {"source": pub.id, "dest": app.id})


def count_at(client: Client, pub: Pub, feed: str) -> int:
    try:
        return client.call(pub, "getLatest", feed)["value"]["sequence"]
    except (RuntimeError, TypeError):
        return 0


@pytest.mark.parametrize("name", ["oasis", "ssb-server"])
def test_an_app_joins_by_a_code_and_is_followed(
    pub: Pub, client: Client, make_app: MakeApp, invite: Any, name: str
):
    app = make_app(name, "alice")
    app("join", invite())
    assert is_followed(client, pub, app)
    app("publish", {"type": "post", "text": "hello"})
    until(lambda: count_at(client, pub, app.id) == app("latest", app.id) > 1)
    with pytest.raises(RuntimeError):
        make_app(name, "bob")("join", invite(uses=1).replace("~", "~A"))


@pytest.mark.parametrize("name", ["oasis", "manyverse"])
def test_an_app_sees_whom_the_pub_follows_and_blocks(
    pub: Pub, client: Client, make_app: MakeApp, invite: Any, name: str
):
    app, feed = make_app(name, "reader"), client.generate()["id"]
    lets_in(app, pub, client, invite)
    follow(app, pub.id)
    for said, seen in (
        ({"following": True}, "follows"),
        ({"following": False}, "none"),
        ({"following": False, "blocking": True}, "blocks"),
        ({"following": False, "blocking": False}, "none"),
    ):
        client.call(pub, "publish", {"type": "contact", "contact": feed, **said})
        until(lambda seen=seen: app("relation", pub.id, feed) == seen)


@EACH
def test_messages_reach_a_friend_with_another_app_who_was_away(
    pub: Pub, client: Client, make_app: MakeApp, invite: Any, name: str
):
    author, reader = make_app(name, "author"), make_app(OTHER[name], "reader")
    for app in (author, reader):
        lets_in(app, pub, client, invite)
    follow(reader, author.id)
    until(lambda: count_at(client, pub, reader.id) >= 2)
    until(lambda: reader.has_noted(pub))
    reader.kill()

    author("publishMany", 200)
    blobs = [author("addBlob", size, fill) for fill, size in enumerate((1, 1000, 65_536, 200_000, LARGE))]
    expected = [str(number) for number in range(200)]
    until(lambda: count_at(client, pub, author.id) == author("latest", author.id))
    until(lambda: all(client.call(pub, "blobs.has", blob) for blob in blobs))
    author.kill()

    reader.start()
    until(lambda: reader.texts(author.id) == expected)
    for fill, (size, blob) in enumerate(zip((1, 1000, 65_536, 200_000, LARGE), blobs, strict=True)):
        reader("wantBlob", blob)
        assert reader("blobDigest", blob) == b64encode(hashlib.sha256(bytes([fill]) * size).digest()).decode()


@EACH
def test_a_private_message_is_read_by_its_recipient_only(
    pub: Pub, client: Client, make_app: MakeApp, invite: Any, name: str
):
    author, reader = make_app(name, "author"), make_app(OTHER[name], "reader")
    for app in (author, reader):
        lets_in(app, pub, client, invite)
    follow(reader, author.id)
    author("publishPrivately", {"type": "post", "text": "for you alone"}, [reader.id, author.id])
    author("publish", {"type": "post", "text": "for all"})
    until(lambda: reader.texts(author.id) == ["for you alone", "for all"])
    stored = client.call(pub, "createUserStream", {"id": author.id}, count=100)
    boxed = [
        message["value"]["content"] for message in stored if isinstance(message["value"]["content"], str)
    ]
    assert len(boxed) == 1
    assert boxed[0].endswith(".box")


@EACH
def test_replication_continues_after_restarts_of_pub_and_app(
    pub: Pub, client: Client, make_app: MakeApp, invite: Any, name: str
):
    app = make_app(name, "alice")
    lets_in(app, pub, client, invite)
    before = app("publish", {"type": "post", "text": "first"})["sequence"]
    until(lambda: count_at(client, pub, app.id) == before)

    assert pub.stop() == 0
    client.hang_up()
    app("publish", {"type": "post", "text": "while it was away"})
    pub.start()
    until(lambda: count_at(client, pub, app.id) == before + 1)

    until(lambda: app.has_noted(pub))
    app.kill()
    app.start()
    app("publish", {"type": "post", "text": "back again"})
    client.call(pub, "publish", {"type": "post", "text": "from the pub"})
    until(lambda: count_at(client, pub, app.id) == before + 2)
    until(lambda: "from the pub" in app.texts(pub.id))


def test_an_app_without_ebt_replicates_by_history_streams(
    pub: Pub, client: Client, make_app: MakeApp, invite: Any
):
    old = make_app("ssb-server", "alice", without=("ebt",))
    lets_in(old, pub, client, invite)
    old("publishMany", 200)
    until(lambda: count_at(client, pub, old.id) == old("latest", old.id) > 200)
    client.call(pub, "publish", {"type": "post", "text": "from the pub"})
    until(lambda: old.texts(pub.id) == ["from the pub"])


def test_many_messages_go_both_ways(pub: Pub, client: Client, make_app: MakeApp, invite: Any, tmp_path: Path):
    """From somebody who has written for years to a friend with another app, who connects after the first has
    left.
    """
    voice = Voice("alice")
    data = tmp_path / "alice" / "data"
    (data / "flume").mkdir(parents=True)
    voice.keys.save(data / "secret")
    written = (record(message) for message in voice.posts(*map(str, range(MANY))))
    (data / "flume" / "log.offset").write_bytes(framed(written, 0)[0])
    author = make_app("ssb-server", "alice")
    lets_in(author, pub, client, invite)
    until(lambda: count_at(client, pub, author.id) > MANY, LONG)
    author.kill()

    reader = make_app("manyverse", "bob")
    lets_in(reader, pub, client, invite)
    follow(reader, author.id)
    until(lambda: reader("latest", author.id) == count_at(client, pub, author.id), LONG)
    assert reader.texts(author.id) == [str(number) for number in range(MANY)]
