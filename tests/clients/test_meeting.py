"""Apps whose owners follow each other meet in the room of a pub that keeps nobody's messages."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.clients.apps import App
from tests.clients.conftest import MakeApp
from tests.clients.test_apps import follow
from tests.pub.pubs import Client, Pub, until

SOON = 5.0


@pytest.fixture
def room(built_pub: Path, tmp_path: Path, client: Client) -> Iterator[Pub]:
    pub = Pub(built_pub, tmp_path / "pub", master=[client.keys["id"]], hops=0).start()
    yield pub
    pub.kill()


def enters(app: App, room: Pub, client: Client) -> None:
    """The app joins as it does after claiming an HTTP invite."""
    client.call(room, "publish", {"type": "contact", "contact": app.id, "following": True})
    app("remember", room.address, room.id)
    app("connect", room.address, room.id)


def has_tunnel(app: App, other: App) -> bool:
    return any(address.startswith("tunnel:") and other.id in address for address in app("connected"))


def test_two_members_replicate_through_a_tunnel(room: Pub, client: Client, make_app: MakeApp):
    alice, bob = make_app("manyverse", "alice"), make_app("manyverse", "bob")
    follow(alice, bob.id)
    follow(bob, alice.id)
    for app, text in ((alice, "from alice"), (bob, "from bob")):
        app("publish", {"type": "post", "text": text})
        enters(app, room, client)
    until(lambda: has_tunnel(alice, bob), SOON)
    until(lambda: alice.texts(bob.id) == ["from bob"], SOON)
    until(lambda: bob.texts(alice.id) == ["from alice"], SOON)
    figures: dict[str, Any] = client.call(room, "butt.figures", {}, count=1)[0]
    assert (figures["attendants"], figures["tunnels"], figures["feeds"]) == (2, 1, 1)

    client.call(room, "publish", {"type": "contact", "contact": bob.id, "following": False, "blocking": True})
    until(lambda: not has_tunnel(alice, bob))
    alice("publish", {"type": "post", "text": "for friends"})
    (figures,) = client.call(room, "butt.figures", {}, count=1)
    assert (figures["attendants"], figures["tunnels"]) == (1, 0)
    assert bob.texts(alice.id) == ["from alice"]


@pytest.mark.parametrize("other", ["room-1", "manyverse"])
def test_apps_from_before_rooms_2_meet_each_other_and_current_apps(
    room: Pub, client: Client, make_app: MakeApp, other: str
):
    """It uses `tunnel.endpoints` alone; apps of today use `room.attendants`.

    Manyverse dials friends in a room by itself. If both dialled at once, there would be two tunnels.
    """
    alice, bob = make_app("room-1", "alice"), make_app(other, "bob")
    follow(alice, bob.id)
    follow(bob, alice.id)
    for app, text in ((bob, "from bob"), (alice, "from alice")):
        app("publish", {"type": "post", "text": text})
        enters(app, room, client)
    if other == "room-1":
        until(lambda: bob.id in alice("offered", room.id))
        alice("connect", f"tunnel:{room.id}:{bob.id}~shs:{bob.id[1:-8]}", bob.id)
    until(lambda: alice.texts(bob.id) == ["from bob"])
    until(lambda: bob.texts(alice.id) == ["from alice"])
    figures: dict[str, Any] = client.call(room, "butt.figures", {}, count=1)[0]
    assert (figures["attendants"], figures["tunnels"], figures["feeds"]) == (2, 1, 1)
    assert alice("askRoom", room.id, "isRoom")
    assert alice("askRoom", room.id, "ping") > 0

    client.call(room, "publish", {"type": "contact", "contact": bob.id, "following": False, "blocking": True})
    until(lambda: client.call(room, "butt.figures", {}, count=1)[0]["tunnels"] == 0)
    until(lambda: bob.id not in alice("offered", room.id))


def test_an_alias_is_registered_used_by_somebody_else_and_revoked(
    room: Pub, client: Client, make_app: MakeApp
):
    alice, carol = make_app("manyverse", "alice"), make_app("manyverse", "carol")
    pages = "https://butt.example/@harbour"
    assert client.call(room, "butt.room", {"aliasesAt": pages})["aliasesAt"] == pages
    follow(alice, carol.id)
    follow(carol, alice.id)
    alice("publish", {"type": "post", "text": "from alice"})
    enters(alice, room, client)
    assert until(lambda: registered(alice, room)) == f"{pages}/alice"
    found = client.call(room, "butt.alias", "alice")
    uri = "ssb:experimental?" + urlencode(
        {
            "action": "consume-alias",
            "alias": "alice",
            "userId": found["userId"],
            "signature": found["signature"],
            "roomId": room.id,
            "multiserverAddress": room.address,
        }
    )
    with pytest.raises(RuntimeError, match="signature is wrong"):
        carol("consumeAlias", uri.replace("alias=alice", "alias=alicia"))
    # Carol is not a member: the signature is all that she needs.
    assert carol("consumeAlias", uri) is True
    until(lambda: carol.texts(alice.id) == ["from alice"], SOON)
    assert has_tunnel(carol, alice)

    assert alice("revokeAlias", room.id, "alice") is True
    assert client.call(room, "butt.alias", "alice") is None


def registered(app: App, room: Pub) -> str | None:
    """The URL of its alias, as soon as the app knows that it is connected to a room."""
    try:
        return app("registerAlias", room.id, "alice")
    except RuntimeError as error:
        if "offline or unknown" not in str(error):
            raise
    return None
