"""What people's apps can do with a bot, by each way to join it: the table of `docs/clients.md`.

Each cell comes from a real program and a bot of a whole service. All apps go through each situation side by
side. `CLIENTS_TABLE=write .venv/bin/pytest tests/clients/test_table.py` writes the table anew.
"""

import asyncio
import base64
import html
import os
import re
import time
import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import pytest

from scuttlekit import Address, KeyPair, connect, network_key
from tests.clients import table
from tests.clients.apps import App
from tests.clients.conftest import MakeApp
from tests.clients.servers import Server
from tests.pub.pubs import until
from tests.service import Person, Service

NUMBERS = count()


class Bot:
    """A bot of a whole service, and its invites as its owner makes and sees them."""

    def __init__(self, owner: Person, name: str, network: str) -> None:
        self.owner, self._key = owner, network_key(network)
        self.network = base64.b64encode(self._key).decode()
        self.agent = owner.names_a_bot(name, network=network)

    def is_alive(self) -> None:
        self.agent = self.owner.waits_for("alive", self.agent)

    def invite(self) -> Any:
        return self.owner.call("POST", f"/agents/{self.agent['id']}/invites", {"name": "a guest"}, expect=201)

    def used(self, invite: Any) -> list[str]:
        """The guests who joined with this invite."""
        told = self.owner.call("GET", f"/agents/{self.agent['id']}/invites")["invites"]
        return next([use["ssbId"] for use in one["used"]] for one in told if one["id"] == invite["id"])

    def count_of(self, feed: str) -> int:
        """How many messages of a feed the bot has."""

        async def ask() -> int:
            keys = KeyPair.load(self.owner.site.home / "identity")
            async with connect(Address.parse(self.agent["address"]), keys, network=self._key) as peer:
                return (await peer.call("getLatest", feed))["value"]["sequence"]

        return asyncio.run(ask())

    def restart(self) -> None:
        self._restarts = time.monotonic()
        self.owner.asks("restart", self.agent)

    def is_back(self) -> None:
        """Wait until it was restarted: it may still show as alive for a moment after it was asked to."""

        def there() -> bool:
            seen = self.owner.sees(self.agent)
            uptime = seen["status"]["uptime"]
            return (
                seen["state"] == "alive" and uptime is not None and uptime < time.monotonic() - self._restarts
            )

        until(there)


@dataclass(eq=False)
class Guest:
    """Somebody with an app, which joined the bot by `way`."""

    app: App | Server
    bot: Bot
    way: str
    last: str = ""
    """What its owner said last."""
    told: dict[str, str] = field(default_factory=dict)
    """By situation what came of it."""

    def comes(self, invite: Any) -> None:
        if self.way == "HTTP invite":
            self.app("claim", invite["url"])
        elif self.way == "ssb: URI":
            self.app("claim", uri_on(invite["url"]))
        else:
            self.app("join", invite["code"])
        if self.app.name == "oasis":
            # As its page of invites does with a pub that it lists.
            self.app("remember", self.bot.agent["address"], self.bot.agent["ssbId"])

    def follows(self, other: "Guest") -> None:
        self.app("publish", {"type": "contact", "contact": other.app.id, "following": True})

    def says(self) -> str:
        text = self.last = f"This is number {next(NUMBERS)}."
        self.app("publish", {"type": "post", "text": text})
        return text

    def hears(self, other: "Guest", text: str) -> None:
        try:
            until(lambda: text in self.app.texts(other.app.id))
        except AssertionError:
            at_bot, feed = self.bot.count_of(other.app.id), other.app.id
            has, wrote = self.app("latest", feed), other.app("latest", feed)
            told = f"{other.app.name} wrote {wrote} messages, {self.bot.agent['name']} has {at_bot}, {self.app.name} has {has}"
            if isinstance(self.app, App):
                told += f"; its peers: {self.app('standing', feed)}"
            raise AssertionError(told) from None

    def closes(self) -> None:
        """Some seconds after its use, when the app has saved its owner's messages and the pub's address.

        An app that loses its last message, which others have already, publishes another in its place and
        forks its feed.
        """
        until(lambda: self.app.has_written(self.last) and self.app.would_find(self.bot.agent["ssbId"]))
        self.app.kill()


def uri_on(page: str) -> str:
    """What the button of an invite's page opens."""
    with urllib.request.urlopen(page) as response:
        found = re.search(r'id="claim" href="([^"]+)"', response.read().decode())
    assert found, "the page has a button"
    return html.unescape(found[1])


Pairs = list[tuple[Guest, Guest]]
"""A guest, and a friend of theirs who has another app where their network has one."""


@contextmanager
def goes_through(situation: str, *guests: Guest) -> Iterator[None]:
    """Record the result for each app; the others go on."""
    try:
        yield
    except (AssertionError, RuntimeError, TimeoutError) as failed:
        for guest in guests:
            guest.told[situation] = f"no: {failed}"
    else:
        for guest in guests:
            guest.told.setdefault(situation, "yes")


@pytest.fixture
def pairs(site: Service, make_app: MakeApp) -> Pairs:
    alice = site.person("alice@example.org")
    harbour, orchard = Bot(alice, "harbour", "main"), Bot(alice, "orchard", "oasis")
    for bot in (harbour, orchard):
        bot.is_alive()

    def guest(name: str, way: str, bot: Bot) -> Guest:
        return Guest(make_app(name, f"{name}-{next(NUMBERS)}", network=bot.network), bot, way)

    desk = guest("ssb-server", "pub code", harbour)
    return [
        *((guest("manyverse", way, harbour), desk) for way in table.WAYS),
        (guest("oasis", "pub code", orchard), guest("oasis", "pub code", orchard)),
    ]


def all_of(pairs: Pairs) -> list[Guest]:
    return list(dict.fromkeys(guest for pair in pairs for guest in pair))


def talk(pairs: Pairs, situation: str) -> None:
    """Each new message reaches the author's friend."""
    said = {guest: guest.says() for guest in all_of(pairs)}
    for guest, friend in pairs:
        with goes_through(situation, guest, friend):
            guest.hears(friend, said[friend])
            friend.hears(guest, said[guest])


def speak_and_close(guests: Iterable[Guest]) -> dict[Guest, str]:
    said = {guest: guest.says() for guest in guests}
    for guest in said:
        until(lambda guest=guest: guest.bot.count_of(guest.app.id) == guest.app("latest", guest.app.id))
        guest.closes()
    return said


def are_never_there_together(pairs: Pairs, situation: str) -> None:
    """One of two friends is always away, so only the bot can have brought the other's messages."""
    guests, friends = (list(dict.fromkeys(side)) for side in zip(*pairs, strict=True))
    for guest in guests:
        guest.closes()
    said = speak_and_close(friends)
    for guest in guests:
        guest.app.start()
    for guest, friend in pairs:
        with goes_through(situation, guest, friend):
            guest.hears(friend, said[friend])
    said = speak_and_close(guests)
    for friend in friends:
        friend.app.start()
    for guest, friend in pairs:
        with goes_through(situation, guest, friend):
            friend.hears(guest, said[guest])
    for guest in guests:
        guest.app.start()


def test_the_document_shows_what_apps_can_do(pairs: Pairs):
    guests = all_of(pairs)
    invites = {guest: guest.bot.invite() for guest in guests}
    for guest in guests:
        with goes_through("comes in", guest):
            guest.comes(invites[guest])
            until(lambda guest=guest: guest.bot.used(invites[guest]) == [guest.app.id])
    for guest, friend in pairs:
        guest.follows(friend)
        friend.follows(guest)
    talk(pairs, "both directions")
    are_never_there_together(pairs, "a friend who was away")
    talk(pairs, "after a restart of the app")

    bots = {guest.bot for guest in guests}
    for bot in bots:
        bot.restart()
    for bot in bots:
        bot.is_back()
    talk(pairs, "after a restart of the pub")

    again = {guest: guest.bot.invite() for guest in guests}
    for guest in guests:
        guest.closes()
        guest.app.addresses.unlink()
        guest.app.start()
        with goes_through("comes back with a new code", guest):
            guest.comes(again[guest])
    talk(pairs, "comes back with a new code")
    assert not any(guest.bot.used(again[guest]) for guest in guests), (
        "no use is counted of those who come back"
    )

    cells = {(guest.app.name, guest.way): guest.told for guest in reversed(guests)}
    made = table.written(cells)
    if os.environ.get("CLIENTS_TABLE") == "write":
        table.DOCUMENT.write_text(made)
    assert table.DOCUMENT.read_text() == made, f"{cells}; CLIENTS_TABLE=write has the table written anew"
    assert {cell for told in cells.values() for cell in told.values()} == {"yes"}
