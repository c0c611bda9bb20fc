"""Honest people: each is a thread with an address of its own, which looks at pages and does what people
do.
"""

import random
import threading
import time
from collections.abc import Callable
from http.client import HTTPException

from tests.doors import Door
from tests.visitor import Visitor

PAUSE = (0.2, 0.8)
"""Seconds between two things that one person does."""


class Figures:
    """What all of them saw during one stretch of time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.took: list[float] = []
        self.slowest: dict[str, float] = {}
        """By what was done, the longest that it took."""
        self.errors: list[str] = []

    def saw(self, what: str, seconds: float, error: str) -> None:
        with self._lock:
            self.took.append(seconds)
            self.slowest[what] = max(seconds, self.slowest.get(what, 0.0))
            if error:
                self.errors.append(error)

    def quantile(self, share: float) -> float:
        """How many seconds this share of all actions took at most."""
        return sorted(self.took)[int(len(self.took) * share)] if self.took else 0.0


class Honest(threading.Thread):
    """`word` is part of everything that is theirs alone. `figures` belong to the current stretch of time."""

    def __init__(self, door: Door, number: int, seed: int) -> None:
        super().__init__(name=f"honest{number}", daemon=True)
        self.random = random.Random(f"{seed}/honest/{number}")
        self.word = f"secret{self.random.getrandbits(64):016x}"
        self.email = f"{self.word}@example.org"
        self.bot_name = f"bot-of-{number}"
        source = f"127.0.1.{number + 1}"
        self.program = Visitor(door, source, self._hears)
        self.browser = Visitor(door, source, self._hears)
        self.figures = Figures()
        self.others: list[bytes] = []
        self.enough = threading.Event()
        self.bot_id = ""
        self.invites: list[tuple[str, str]] = []
        self.id = ""

    def comes_in(self) -> None:
        self.id = self.program.registers(self.email)
        assert self.browser.signs_in(self.email) == 302

    def makes_a_bot(self) -> None:
        body = {"type": "bot", "name": self.bot_name, "service": "pub"}
        answer = self.program.asks("POST", "/agents", body)
        assert answer.status == 201, answer
        self.bot_id = answer.json["id"]

    @property
    def is_alive(self) -> bool:
        """Whether the bot is alive."""
        return (
            self.bot_id != "" and self.program.asks("GET", f"/agents/{self.bot_id}").json["state"] == "alive"
        )

    def secrets(self) -> list[str]:
        """What nobody else may ever be told."""
        return [self.word, self.program.token, self.browser.cookies["butt"]]

    def run(self) -> None:
        deeds = [self.looks] * 6 + [self.asks] * 4 + [self.signs_in]
        if self.bot_id:
            deeds += [self.looks_at_the_bot] * 6 + [self.invites_somebody, self.exports]
        while not self.enough.wait(self.random.uniform(*PAUSE)):
            self.random.choice(deeds)()

    def looks(self) -> None:
        path = self.random.choice(("/", "/bots", "/account", "/account/tokens", "/name"))
        self._does(lambda: self.browser.asks("GET", path, Accept="text/html").status, {200}, path)

    def asks(self) -> None:
        path = self.random.choice(("/agents", "/belongs"))
        self._does(lambda: self.program.asks("GET", path).status, {200}, path)

    def signs_in(self) -> None:
        self._does(lambda: self.browser.sends("/sign-out", "/bots").status, {302}, "/sign-out")
        self._does(lambda: self.browser.signs_in(self.email), {302}, "/start")

    def looks_at_the_bot(self) -> None:
        path = f"/bots/{self.bot_name}/{self.random.choice(('status', 'log', 'invites', 'people'))}"
        self._does(lambda: self.browser.asks("GET", path, Accept="text/html").status, {200}, path)

    def invites_somebody(self) -> None:
        path = f"/agents/{self.bot_id}/invites"
        body = {"name": f"friend {self.word}", "uses": 1}
        self._does(lambda: self.program.asks("POST", path, body).status, {201}, "invites")

    def exports(self) -> None:
        path = f"/agents/{self.bot_id}/export/log"
        self._does(lambda: self.program.asks("GET", path).status, {200}, "export")

    def _does(self, what: Callable[[], int], right: set[int], name: str) -> None:
        began, figures = time.monotonic(), self.figures
        try:
            status = what()
            error = "" if status in right else f"{name}: {status}"
        except (OSError, HTTPException) as lost:
            error = f"{name}: {lost!r}"
        figures.saw(name, time.monotonic() - began, error)

    def _hears(self, said: bytes) -> None:
        for other in self.others:
            if other in said:
                self.figures.errors.append(f"{self.name} was told what is another's")
