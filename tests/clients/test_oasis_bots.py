"""Bots in the network of the app Oasis, in a whole service, with nodes made of Oasis's own modules."""

import base64
from typing import Any

import pytest

from scuttlekit import network_key
from tests.clients.apps import App
from tests.clients.conftest import MakeApp
from tests.service import Person, Service, wait_for

OASIS = base64.b64encode(network_key("oasis")).decode()


def joins(app: App, who: Person, bot: Any) -> None:
    """As Oasis does it: it takes the code, and lists the pub among those that it joined."""
    made = who.call("POST", f"/agents/{bot['id']}/invites", {"name": app.id[:9]}, expect=201)
    app("join", made["code"])
    app("remember", bot["address"], bot["ssbId"])


def follows(app: App, feed: str) -> None:
    app("publish", {"type": "contact", "contact": feed, "following": True})


def test_an_oasis_node_joins_follows_and_gets_anothers_messages_through_the_bot(
    site: Service, make_app: MakeApp
):
    alice = site.person("alice@example.org")
    bot = alice.waits_for("alive", alice.names_a_bot("my", network="oasis"))
    assert bot["network"] == "oasis"
    bob, carol = (make_app("oasis", name, network=OASIS) for name in ("bob", "carol"))
    for app in (bob, carol):
        joins(app, alice, bot)
        follows(app, bot["ssbId"])
    bob("publish", {"type": "post", "text": "hello from Bob"})
    follows(carol, bob.id)
    wait_for(lambda: carol.texts(bob.id) == ["hello from Bob"])
    listed = alice.call("GET", f"/agents/{bot['id']}/invites")["invites"]
    assert {use["ssbId"] for invite in listed for use in invite["used"]} == {bob.id, carol.id}


def test_who_has_another_network_key_does_not_come_in(site: Service, make_app: MakeApp):
    dora = site.person("dora@example.org")
    bot = dora.waits_for("alive", dora.names_a_bot("doras"))
    with pytest.raises(RuntimeError):
        joins(make_app("oasis", "erin", network=OASIS), dora, bot)
