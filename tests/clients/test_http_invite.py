"""Manyverse comes in by an HTTP invite to a bot of a whole service, and stays in."""

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scuttlekit.handshake import MAIN_NETWORK
from tests.clients.apps import App
from tests.pub.pubs import until
from tests.service import Person, Service

NETWORK = base64.b64encode(MAIN_NETWORK).decode()


class Bot:
    """A bot on a whole service, and its invites as its owner makes and sees them."""

    def __init__(self, owner: Person, name: str) -> None:
        self.owner = owner
        self.agent = owner.names_a_bot(name)
        self.is_alive()

    def is_alive(self) -> None:
        self.agent = self.owner.waits_for("alive", self.agent)

    def invite(self, uses: int = 1) -> Any:
        body = {"name": "a guest", "uses": uses}
        return self.owner.call("POST", f"/agents/{self.agent['id']}/invites", body, expect=201)

    def used(self, invite: Any) -> list[Any]:
        told = self.owner.call("GET", f"/agents/{self.agent['id']}/invites")["invites"]
        return next(one["used"] for one in told if one["id"] == invite["id"])


@pytest.fixture(scope="module")
def bot(tmp_path_factory: pytest.TempPathFactory, built_pub: Path) -> Iterator[Bot]:
    home = tmp_path_factory.mktemp("home")
    with Service(home, built_pub) as site:
        yield Bot(site.person("alice@example.org"), "harbour")


@pytest.fixture(scope="module")
def friend(bot: Bot, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """A guest of the bot's whom all others know."""
    app = App("oasis", tmp_path_factory.mktemp("friend"), NETWORK)
    app("join", bot.invite()["code"])
    # As Oasis does itself, which lists the pubs that it joined.
    app("remember", bot.agent["address"], bot.agent["ssbId"])
    yield app
    app.kill()


class Talk:
    """What two apps say to each other, by way of the bot alone."""

    def __init__(self, app: App, friend: App) -> None:
        self.app, self.friend = app, friend
        self._said = 0
        for one, other in ((app, friend), (friend, app)):
            one("publish", {"type": "contact", "contact": other.id, "following": True})

    def hears(self, listener: App, speaker: App) -> None:
        """What one says reaches the other."""
        text = self.says(speaker)
        until(lambda: text in listener.texts(speaker.id))

    def says(self, speaker: App) -> str:
        self._said += 1
        text = f"{self._said} of {self.app.name} and {self.friend.id}"
        speaker("publish", {"type": "post", "text": text})
        return text

    def both(self) -> None:
        self.hears(self.friend, self.app)
        self.hears(self.app, self.friend)


@pytest.mark.timeout(300)
def test_both_hear_each_other_also_after_the_app_was_closed(bot: Bot, friend: App, tmp_path: Path):
    app = App("manyverse", tmp_path, NETWORK)
    try:
        invite = bot.invite()
        app("claim", invite["url"])
        until(lambda: [use["ssbId"] for use in bot.used(invite)] == [app.id])
        talk = Talk(app, friend)
        talk.both()
        # A person closes an app some seconds after, when it has written down where the pub is.
        until(lambda: app.knows('"room"'))
        app.kill()
        text = talk.says(friend)
        app.start()
        until(lambda: text in app.texts(friend.id))
        talk.both()
    finally:
        app.kill()
