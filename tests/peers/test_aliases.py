"""Aliases of a bot's room: registered at its real pub, shown on their pages, and revoked by the bot's
owner.
"""

import asyncio
import base64
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client

from butt.agents.actions import Refused, set_room_mode
from butt.agents.models import Agent, JournalEntry, Observed, RoomMode
from butt.agents.states import State
from butt.configuration import configuration
from butt.invites.book import set_public
from butt.invites.kept_connections import kept_connections
from butt.limits.rates import Rate
from butt.limits.table import ADDRESS_JOINS, ADDRESS_MISSES
from butt.peers import aliases, members, rooms
from butt.peers.following import Relation, relate
from butt.peers.rooms import RoomUpdate
from butt.public.pages import aliases as pages
from scuttlekit import Address, KeyPair, RemoteError, connect
from scuttlekit.aliases import confirmation
from tests.people import bot_in, person
from tests.pub.pubs import Pub

FRIDA, EVE = KeyPair(b"f" * 32), KeyPair(b"e" * 32)


@pytest.fixture(autouse=True)
def _nobody_has_looked_yet(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(pages, "_looks", Rate(ADDRESS_JOINS))
    monkeypatch.setattr(pages, "_misses", Rate(ADDRESS_MISSES))


def asks(pub: Pub, keys: KeyPair, name: str, *args: object):
    """What the pub answers somebody."""

    async def ask():
        async with connect(Address("127.0.0.1", pub.config["port"], pub.id), keys) as peer:
            return await peer.call(name, *args)

    return asyncio.run(ask())


def registers(pub: Pub, keys: KeyPair, alias: str) -> str:
    signature = base64.b64encode(keys.sign(confirmation(pub.id, keys.id, alias))).decode()
    return asks(pub, keys, "room.registerAlias", alias, f"{signature}.sig.ed25519")


def tell(bot: Agent) -> None:
    """As the monitor does after it saw that the pub has a room."""
    Observed.objects.filter(bot=bot).update(alive=True, attendants=0, tunnels=0)
    bot.observed.refresh_from_db()
    for due in rooms.pending():
        wanted = {"mode": due.mode, "aliasesAt": due.aliases_at or None}
        assert kept_connections.call(bot, "butt.room", wanted) == wanted
        rooms.told(due)


def page(bot: Agent, alias: str, **asked: str):
    return Client().get(f"/@{bot.name}/{alias}", asked)


def test_a_members_alias_has_a_page_until_it_is_revoked(alice: Agent, bot: Agent, real_pub: Pub):
    relate(alice, bot, FRIDA.id, Relation.FOLLOWS)
    with pytest.raises(RemoteError, match="no aliases"):
        registers(real_pub, FRIDA, "frida")
    tell(bot)
    assert "alias" in asks(real_pub, FRIDA, "room.metadata")["features"]
    url = registers(real_pub, FRIDA, "frida")
    assert url == f"{configuration().public_url}/@{bot.name}/frida"
    with pytest.raises(RemoteError, match="only members of this room"):
        registers(real_pub, EVE, "eve")

    answer = page(bot, "frida")
    assert answer.status_code == 200
    assert answer["X-Robots-Tag"] == "noindex, nofollow"
    told = page(bot, "Frida", encoding="json").json()
    assert told.pop("status") == "successful"
    assert told["userId"] == FRIDA.id
    assert told["roomId"] == real_pub.id
    assert told["multiserverAddress"] == real_pub.address
    (found,) = [part for part in answer.content.decode().split('"') if part.startswith("ssb:")]
    uri = urlsplit(found.replace("&amp;", "&"))
    assert {name: value for name, (value,) in parse_qs(uri.query).items()} == {
        "action": "consume-alias",
        **told,
    }
    assert asks(real_pub, FRIDA, "room.listAliases", FRIDA.id) == ["frida"]
    (member,) = members.find(bot).members
    assert member.aliases == ("frida",)

    relate(alice, bot, FRIDA.id, Relation.NONE)
    assert page(bot, "frida").status_code == 404, "of somebody whom the pub follows no more"
    relate(alice, bot, FRIDA.id, Relation.FOLLOWS)
    assert page(bot, "frida").status_code == 200
    aliases.take_away(alice, bot, "frida")
    aliases.take_away(alice, bot, "frida")
    assert [entry.detail for entry in JournalEntry.objects.filter(what="revoke alias")] == [
        {"alias": "frida"}
    ]
    missing = page(bot, "frida", encoding="json")
    assert (missing.status_code, missing.json()["status"]) == (404, "failed")

    registers(real_pub, FRIDA, "frida")
    set_room_mode(alice, bot, "restricted")
    tell(bot)
    assert page(bot, "frida").status_code == 404
    with pytest.raises(RemoteError, match="not in list of allowed methods"):
        asks(real_pub, EVE, "room.metadata")
    set_public(bot, public=False)
    assert page(bot, "frida").status_code == 404


@pytest.mark.django_db
def test_a_pub_is_told_about_its_room_once_and_again_after_a_change():
    alice = person("alice")
    bot = bot_in(State.ALIVE, alice)
    assert rooms.pending() == [], "its code is not known to have a room"
    Observed.objects.filter(bot=bot).update(attendants=0)
    at = f"{configuration().public_url}/@{bot.name}"
    for mode, public, where in (("community", True, at), ("open", True, at), ("open", False, "")):
        if bot.wanted.room_mode != mode:
            bot.refresh_from_db()
            set_room_mode(alice, bot, mode)
        set_public(bot, public=public)
        (due,) = rooms.pending()
        assert due == RoomUpdate(bot.id, mode, where)
        rooms.told(due)
        assert rooms.pending() == []
    bot.delete()
    rooms.told(due)


@pytest.mark.django_db
def test_guessing_aliases_is_limited(monkeypatch: pytest.MonkeyPatch):
    bot = bot_in(State.STOPPED, person("alice"))
    assert page(bot, "frida").status_code == 503, "it is not online"
    monkeypatch.setattr(pages, "_misses", Rate(replace(ADDRESS_MISSES, default=1, setting="")))
    for status in (404, 429):
        answer = Client().get("/@nobody/frida", {"encoding": "json"})
        assert (answer.status_code, answer.json()["status"]) == (status, "failed")
    monkeypatch.setattr(pages, "_looks", Rate(replace(ADDRESS_JOINS, default=1, setting="")))
    assert [page(bot, "frida").status_code for _ in range(2)] == [503, 429]


@pytest.mark.django_db
def test_setting_the_mode_needs_a_valid_mode_and_a_pub_with_a_room(alice: Agent):
    bot = bot_in(State.ALIVE, alice)
    with pytest.raises(Refused, match="has no room"):
        set_room_mode(alice, bot, RoomMode.OPEN)
    bot.observed.attendants = 0
    with pytest.raises(Refused, match="room: open"):
        set_room_mode(alice, bot, "closed")


def test_an_invalid_alias_is_not_looked_up(bot: Agent):
    real_port, bot.progress.port = bot.progress.port, 1
    for text in ("a_b", "-", "a" * 64, "1"):
        assert aliases.find(bot, text) is None
    with pytest.raises(Refused, match="not answering"):
        aliases.find(bot, "frida")
    bot.progress.port = real_port
    assert aliases.find(bot, "frida") is None


@pytest.mark.parametrize(
    "said",
    [
        *(None, True, [], {}, {"alias": "frida"}, {"alias": "eve", "userId": FRIDA.id, "signature": "x"}),
        {"alias": "frida", "userId": "me", "signature": "x"},
        {"alias": "frida", "userId": FRIDA.id, "signature": "x" * 1000},
        {"alias": "frida", "userId": FRIDA.id, "signature": None},
    ],
    ids=repr,
)
def test_a_pub_that_lies_is_not_believed(alice: Agent, said: object):
    assert aliases._read(bot_in(State.ALIVE, alice), "frida", said) is None
