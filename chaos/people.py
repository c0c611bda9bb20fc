"""People: each is a thread with a seed of its own, which does everything one can do over the public API and
on the pages.
"""

import random
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from chaos import guests, messages, money, moving, sharing, wishes
from chaos.calls import Calls, Cut
from chaos.journal import Journal
from tests.billing.bank import Bank
from tests.service import Service
from tests.whole.guest import Guest

MOST_BOTS = 2
PASSWORD = "correct horse battery"
DEEDS: dict[Callable[["Person", Any], None], int] = {
    wishes.asks: 5,
    wishes.deletes: 1,
    wishes.describes: 1,
    wishes.looks: 1,
    guests.invites: 2,
    guests.revokes: 1,
    guests.lets_somebody_in: 2,
    moving.exports: 2,
    moving.moves: 1,
    messages.publishes: 8,
    money.pays: 1,
    sharing.shares: 1,
    sharing.joins: 1,
    sharing.leaves: 1,
    sharing.renews_tokens: 1,
}
"""All that people do with a bot, and how often one is done beside another."""


class World:
    """What people share: the service, the records of it, a bank, and a friend who has a pub of their own."""

    def __init__(self, site: Service, journal: Journal, friend: Guest, keep_days: int) -> None:
        self.site, self.journal, self.friend, self.keep_days = site, journal, friend, keep_days
        self.spoken = messages.Spoken(journal)
        self.bank = Bank(f"http://127.0.0.1:{site.stand_in_port}")

    @property
    def mail(self) -> Path:
        """Where all mail goes."""
        return self.site.home / "up.log"


class Person(threading.Thread):
    """`wanted` is the last request that a bot accepted, `said` the last thing it reported about itself; None
    if nobody knows.
    """

    def __init__(self, world: World, name: str, seed: str) -> None:
        super().__init__(name=name, daemon=True)
        self.world = world
        self.site, self.journal = world.site, world.journal
        self.calls = Calls(world.site.url, world.journal)
        self.random = random.Random(f"{seed}/{name}")
        self.enough = threading.Event()
        self.email = f"{name}@example.org"
        self.id = ""
        self.made = 0
        self.wanted: dict[str, str | None] = {}
        self.said: dict[str, str | None] = {}
        self.invites: dict[str, list[guests.Invited]] = {}
        self.shared: set[str] = set()

    def run(self) -> None:
        while not self.enough.is_set():
            self.tries(self.step)
            self.enough.wait(self.random.uniform(0.05, 0.6))

    def tries(self, what: Any, *arguments: Any) -> Any:
        """The answer; None if nobody knows what became of the call."""
        try:
            return what(*arguments)
        except Cut:
            self.journal.count("cut")
        except Exception as error:  # noqa: BLE001 - whatever a script did not think of is told, not lost
            self.journal.found(f"{self.name} did not expect {error!r}")
        return None

    def step(self) -> None:
        if not self.calls.token:
            self.come_in()
            return
        bots = self.bots()
        if len([bot for bot in bots if bot["wanted"] != "gone" and self.is_mine(bot)]) < MOST_BOTS:
            self.make_a_bot()
        elif bots:
            self.do_something(self.random.choice(bots))

    def come_in(self) -> None:
        who = {"email": self.email, "password": PASSWORD}
        status, answer = self.calls.call("POST", "/authentication/register", {201, 409}, who)
        if status == 409:
            status, answer = self.calls.call("POST", "/authentication/sign-in", {201, 429}, who)
        if status == 201:
            self.calls.token, self.id = answer["accessToken"], answer["agent"]["id"]

    def is_in(self) -> bool:
        """Whether they have a token. A person who was cut off while renewing theirs signs in again."""
        if not self.calls.token:
            self.come_in()
        return bool(self.calls.token)

    def signs_in(self) -> bool:
        """Sign in in the browser, unless they are signed in."""
        shown = self.calls.page("/bots")
        if "/start" in shown.url:
            shown = self.calls.sends(shown, "/start", email=self.email, password=PASSWORD)
        return shown.status_code == 200 and "/start" not in shown.url

    def bots(self) -> list[Any]:
        status, answer = self.calls.call("GET", "/agents", {200})
        return [agent for agent in answer["agents"] if agent["type"] == "bot"] if status == 200 else []

    def is_mine(self, bot: Any) -> bool:
        """Whether it was theirs from the beginning, so that they pay for it."""
        return str(bot["name"]).startswith(f"{self.name}-")

    def is_mine_alone(self, bot: Any) -> bool:
        return self.is_mine(bot) and bot["id"] not in self.shared

    def new_name(self) -> str:
        self.made += 1
        return f"{self.name}-{self.made}"

    def make_a_bot(self) -> None:
        body = {"type": "bot", "name": self.new_name(), "service": "pub"}
        status, made = self.calls.call("POST", "/agents", {201, 402, 409}, body)
        if status == 402:
            money.see_to_it(self)
        elif status == 201 and self.random.random() < 0.2:
            # It never lived, so nobody has to pay for it.
            self.wish(made, "DELETE", f"/agents/{made['id']}", "gone")

    def do_something(self, bot: Any) -> None:
        deed = self.random.choices(list(DEEDS), list(DEEDS.values()))[0]
        deed(self, bot)

    def wish(self, bot: Any, method: str, path: str, wanted: str | None) -> bool:
        """Whether it was accepted."""
        before = self.wanted.get(bot["id"])
        self.wanted[bot["id"]] = None
        status, _ = self.calls.call(method, path, {202, 404, 409})
        if status == 202:
            self.wanted[bot["id"]] = wanted if self.is_mine_alone(bot) else None
        elif status in {404, 409}:
            self.wanted[bot["id"]] = before
        return status == 202
