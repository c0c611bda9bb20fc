"""Bots in the network of the Oasis app, in a whole service, with nodes made of Oasis's own modules."""

import asyncio
import base64
import json
from typing import Any
from urllib.parse import quote

import pytest

from scuttlekit import Address, KeyPair, connect, network_key
from tests.clients.apps import App
from tests.clients.conftest import MakeApp
from tests.service import Person, Service, wait_for

OASIS = base64.b64encode(network_key("oasis")).decode()


def joins(app: App, who: Person, bot: Any) -> None:
    """As Oasis does it: it uses the code, and lists the pub among those that it joined."""
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


def test_an_app_with_another_network_key_cannot_connect(site: Service, make_app: MakeApp):
    dora = site.person("dora@example.org")
    bot = dora.waits_for("alive", dora.names_a_bot("doras"))
    with pytest.raises(RuntimeError):
        joins(make_app("oasis", "erin", network=OASIS), dora, bot)


def test_two_bots_of_different_people_federate_by_an_invite(site: Service, make_app: MakeApp):
    frank, grace = site.person("frank@example.org"), site.person("grace@example.org")
    franks = frank.waits_for("alive", frank.names_a_bot("franks", network="oasis"))
    graces = grace.waits_for("alive", grace.names_a_bot("graces", network="oasis"))
    writer, reader = (make_app("oasis", name, network=OASIS) for name in ("writer", "reader"))
    joins(writer, frank, franks)
    joins(reader, grace, graces)

    made = frank.call("POST", f"/agents/{franks['id']}/invites", {"name": "Grace"}, expect=201)
    path = f"/agents/{graces['id']}/peers"
    asked = grace.call("POST", path, {"invite": made["code"]}, expect=202)
    assert asked["address"] == franks["address"]
    (joined,) = wait_for(lambda: [pub for pub in grace.call("GET", path)["peers"] if pub["joinedAt"]])
    assert (joined["id"], joined["reason"]) == (asked["id"], None)

    follows(reader, graces["ssbId"])
    follows(reader, writer.id)
    writer("publish", {"type": "post", "text": "from one pub to the other"})
    wait_for(lambda: reader.texts(writer.id) == ["from one pub to the other"])

    spent = {"invite": made["code"].replace(franks["ssbId"], graces["ssbId"])}
    assert grace.site.ask("POST", path, spent, grace.token)[0] == 422, "that is itself"
    other = grace.waits_for("alive", grace.names_a_bot("graces-second", network="oasis"))
    path = f"/agents/{other['id']}/peers"
    grace.call("POST", path, {"invite": made["code"]}, expect=202)
    (refused,) = wait_for(lambda: [pub for pub in grace.call("GET", path)["peers"] if pub["reason"]])
    assert refused["joinedAt"] is None


def test_a_bot_announces_follows_and_keeps_what_its_owner_wants(site: Service):
    heidi = site.person("heidi@example.org")
    bot = heidi.waits_for("alive", heidi.names_a_bot("heidis", network="oasis"))
    path = f"/agents/{bot['id']}"
    feed = next(keys.id for keys in iter(KeyPair.generate, None) if "/" in keys.id)
    wait_for(lambda: site.ask("PATCH", path, {"hops": 3}, heidi.token)[0] == 200)
    alive = heidi.waits_for("alive", bot)
    assert alive["hops"] == 3
    assert json.loads((site.home / "bots" / bot["id"] / "config.json").read_text())["hops"] == 3
    assert heidi.call("PATCH", path, {"announced": True})["announced"] is True
    answer = heidi.call("PUT", f"{path}/members/{quote(feed, safe='')}", {"relation": "follows"})
    assert answer == {"ssbId": feed, "relation": "follows"}

    async def said() -> list[Any]:
        keys = KeyPair.load(site.home / "identity")
        async with connect(Address.parse(bot["address"]), keys, network=network_key("oasis")) as peer:
            messages = await peer.collect("createUserStream", {"id": bot["ssbId"]}, limit=100)
        return [message["value"]["content"] for message in messages]

    contents = wait_for(lambda: {content["type"]: content for content in asyncio.run(said())}.get("pub"))
    assert contents["address"] == {
        "host": "127.0.0.1",
        "port": Address.parse(bot["address"]).port,
        "key": bot["ssbId"],
    }
    assert {"type": "contact", "contact": feed, "following": True} in asyncio.run(said())
