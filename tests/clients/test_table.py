"""What apps of people can do with a bot, however they came in: the table of `docs/clients.md`, from the real programs.

`CLIENTS_TABLE=write .venv/bin/pytest tests/clients/test_table.py` writes it anew.
"""

import base64
import html
import os
import re
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from scuttlekit.handshake import MAIN_NETWORK
from tests.clients.apps import App
from tests.pub.pubs import until
from tests.service import Person, Service

NETWORK = base64.b64encode(MAIN_NETWORK).decode()
DOCUMENT = Path(__file__).parents[2] / "docs" / "clients.md"
BEGIN, END = "<!-- table: written by tests/clients/test_table.py -->", "<!-- /table -->"

COLUMNS = (
    "comes in",
    "both directions",
    "a friend who was away",
    "after a restart of the app",
    "after a restart of the pub",
    "comes back with a new code",
)
NAMES = {"manyverse": "Manyverse", "oasis": "Oasis"}
WAYS = ("HTTP invite", "ssb: URI", "pub code")
UNSUPPORTED = {
    ("oasis", "HTTP invite"): "it takes pub codes only",
    ("oasis", "ssb: URI"): "it takes pub codes only",
}
rows: dict[tuple[str, str], list[str]] = {}


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

    def restart(self) -> None:
        self.owner.call("POST", f"/agents/{self.agent['id']}/restart")
        self.is_alive()


@pytest.fixture(scope="module")
def bot(tmp_path_factory: pytest.TempPathFactory, built_pub: Path) -> Iterator[Bot]:
    home = tmp_path_factory.mktemp("home")
    with Service(home, built_pub) as site:
        yield Bot(site.person("alice@example.org"), "harbour")


@pytest.fixture(scope="module")
def friend(bot: Bot, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """A guest of the bot's whom all others know."""
    app = App("oasis", tmp_path_factory.mktemp("friend"), NETWORK)
    comes_in("pub code", app, bot, bot.invite())
    yield app
    app.kill()


def uri_on(page: str) -> str:
    """What the button of an invite's page opens."""
    with urllib.request.urlopen(page) as response:
        found = re.search(r'id="claim" href="([^"]+)"', response.read().decode())
    assert found
    return html.unescape(found[1])


COMES: dict[str, Callable[[App, Any], Any]] = {
    "HTTP invite": lambda app, invite: app("claim", invite["url"]),
    "ssb: URI": lambda app, invite: app("claim", uri_on(invite["url"])),
    "pub code": lambda app, invite: app("join", invite["code"]),
}


def comes_in(way: str, app: App, bot: Bot, invite: Any) -> None:
    COMES[way](app, invite)
    if app.name == "oasis":
        # As Oasis does itself, which lists the pubs that it joined. It is opened anew after that: as long as it is connected
        # with the code's key, ssb-conn takes the two addresses of the pub for each other.
        app("remember", bot.agent["address"], bot.agent["ssbId"])
        until(lambda: app.knows(f'{bot.agent["address"]}"'))
        app.kill()
        app.start()


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


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.timeout(300)
def test_an_app_that_came_in_stays_in(bot: Bot, friend: App, tmp_path: Path, name: str, way: str):
    if (name, way) in UNSUPPORTED:
        rows[name, way] = [f"no: {UNSUPPORTED[name, way]}", *[""] * (len(COLUMNS) - 1)]
        return
    app = App(name, tmp_path, NETWORK)
    cells = rows[name, way] = ["no"] * len(COLUMNS)
    try:
        invite = bot.invite()
        comes_in(way, app, bot, invite)
        until(lambda: [use["ssbId"] for use in bot.used(invite)] == [app.id])
        cells[0] = "yes"
        talk = Talk(app, friend)
        talk.both()
        cells[1] = "yes"
        # A person closes an app some seconds after, when it has written down where the pub is.
        until(lambda: app.knows('"room"' if name == "manyverse" else bot.agent["ssbId"][1:-8]))
        app.kill()
        text = talk.says(friend)
        app.start()
        until(lambda: text in app.texts(friend.id))
        cells[2] = "yes"
        talk.both()
        cells[3] = "yes"
        bot.restart()
        talk.both()
        cells[4] = "yes"
        app.kill()
        app.addresses.unlink()
        app.start()
        again = bot.invite()
        comes_in(way, app, bot, again)
        talk.both()
        assert bot.used(again) == []
        assert bot.used(invite)[0]["messages"] > 0
        cells[5] = "yes"
    finally:
        app.kill()


def test_the_document_says_what_they_can_do():
    """Each cell was filled by the tests above; alone, this one has nothing to compare with."""
    assert len(rows) == len(NAMES) * len(WAYS), "run the whole file"
    text = DOCUMENT.read_text()
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    written = f"{before}{BEGIN}\n{table()}\n{END}{after}"
    if os.environ.get("CLIENTS_TABLE") == "write":
        DOCUMENT.write_text(written)
    assert text == written, "CLIENTS_TABLE=write has it written anew"


def table() -> str:
    head = ["app", "way", *COLUMNS]
    lines = [head, ["---"] * len(head)]
    lines += [[NAMES[name], way, *rows[name, way]] for name in NAMES for way in WAYS]
    return "\n".join(f"| {' | '.join(line)} |".replace("|  |", "| |") for line in lines)
