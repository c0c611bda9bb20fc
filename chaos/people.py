"""People: each a thread with a seed of its own, who does over the public API all that one can do."""

import asyncio
import contextlib
import random
import threading
import time
from typing import Any

import requests

from butt.scuttlebutt import Address, KeyPair, RemoteError, ScuttlebuttError, connect
from chaos.journal import Journal
from tests.service import Service

MOST_BOTS = 2
PASSWORD = "correct horse battery"
WISHES = {"start": "running", "stop": "stopped", "restart": "running", "upgrade": None, "rebuild": None}


class Cut(Exception):
    """Nobody knows whether the call was heard."""


class Spoken:
    """Every message that a pub said it has, by its feed and sequence: the same for everybody."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._lock = threading.Lock()
        self.keys: dict[str, dict[int, str]] = {}

    def heard(self, feed: str, sequence: int, key: str) -> None:
        with self._lock:
            earlier = self.keys.setdefault(feed, {}).setdefault(sequence, key)
        if earlier != key:
            self._journal.found(f"{feed} forked at {sequence}: {earlier} and {key}")


class Person(threading.Thread):
    """`wanted` is what a bot was last told and said yes to; None where nobody knows."""

    def __init__(self, site: Service, journal: Journal, spoken: Spoken, name: str, seed: str) -> None:
        super().__init__(name=name, daemon=True)
        self.site, self.journal, self.spoken = site, journal, spoken
        self.random = random.Random(f"{seed}/{name}")
        self.enough = threading.Event()
        self.token = ""
        self.made = 0
        self.wanted: dict[str, str | None] = {}
        self.invites: dict[str, list[str]] = {}
        self.names: set[str] = set()

    def run(self) -> None:
        while not self.enough.is_set():
            try:
                self.step()
            except Cut:
                self.journal.count("cut")
            except Exception as error:  # noqa: BLE001 - whatever a script did not think of is told, not lost
                self.journal.found(f"{self.name} did not expect {error!r}")
            self.enough.wait(self.random.uniform(0.05, 0.6))

    def step(self) -> None:
        if not self.token:
            self.come_in()
            return
        bots = self.bots()
        if len([bot for bot in bots if bot["wanted"] != "gone"]) < MOST_BOTS:
            self.make_a_bot()
        elif bots:
            self.do_something(self.random.choice(bots))

    def come_in(self) -> None:
        who = {"email": f"{self.name}@example.org", "password": PASSWORD}
        status, answer = self.call("POST", "/authentication/register", {201, 409}, who)
        if status == 409:
            status, answer = self.call("POST", "/authentication/sign-in", {201, 429}, who)
        if status == 201:
            self.token = answer["accessToken"]

    def bots(self) -> list[Any]:
        status, answer = self.call("GET", "/agents", {200})
        return [agent for agent in answer["agents"] if agent["type"] == "bot"] if status == 200 else []

    def make_a_bot(self) -> None:
        self.made += 1
        body = {"type": "bot", "name": f"{self.name}-{self.made}", "service": "pub"}
        self.call("POST", "/agents", {201, 409}, body)

    def do_something(self, bot: Any) -> None:
        path = f"/agents/{bot['id']}"
        match self.random.choices(
            ("verb", "delete", "restore", "invite", "revoke", "export", "publish", "samples"),
            (4, 1, 2, 2, 1, 1, 8, 1),
        )[0]:
            case "verb":
                verb = self.random.choice(list(WISHES))
                self.wish(bot, "POST", f"{path}/{verb}", WISHES[verb])
            case "delete":
                self.wish(bot, "DELETE", path, "gone")
            case "restore":
                self.wish(bot, "POST", f"{path}/restore", None)
            case "invite":
                self.invite(bot)
            case "revoke" if known := self.invites.get(bot["id"]):
                status, _ = self.call("DELETE", f"{path}/invites/{known[-1]}", {204, 404, 409})
                if status == 204:
                    known.pop()
            case "export":
                part = self.random.choice(("secret", "gossip", "log", "blobs", "all"))
                self.call("GET", f"{path}/export/{part}", {200, 404, 409, 429}, is_file=True)
            case "publish" if bot["state"] == "alive":
                self.publish(bot)
            case _:
                self.call("GET", f"{path}/samples?range=1h", {200, 404})

    def rebuilds_what_never_lived(self) -> None:
        """A bot that was made of code that crashes has no earlier code to go back to."""
        for bot in self.bots() if self.token else []:
            if bot["wanted"] == "running" and not bot["ssbId"]:
                self.wish(bot, "POST", f"/agents/{bot['id']}/rebuild", None)

    def wish(self, bot: Any, method: str, path: str, wanted: str | None) -> None:
        before = self.wanted.get(bot["id"])
        self.wanted[bot["id"]] = None
        status, _ = self.call(method, path, {202, 404, 409})
        if status == 202:
            self.wanted[bot["id"]] = wanted
        elif status in {404, 409}:
            self.wanted[bot["id"]] = before

    def invite(self, bot: Any) -> None:
        body = {"name": "a friend", "uses": 3}
        status, answer = self.call("POST", f"/agents/{bot['id']}/invites", {201, 404, 409, 503}, body)
        if status == 201:
            self.invites.setdefault(bot["id"], []).append(answer["id"])

    def publish(self, bot: Any) -> None:
        """Some messages; at times the line is cut while one is on its way."""
        patience = self.random.choice((0.02, 0.1, 5.0))
        count = self.random.randint(1, 5)
        with contextlib.suppress(ScuttlebuttError, OSError, TimeoutError):
            asyncio.run(self._publish(bot, count, patience))

    async def _publish(self, bot: Any, count: int, patience: float) -> None:
        async with connect(address_of(bot), KeyPair.load(self.site.home / "identity")) as peer:
            async with asyncio.timeout(patience):
                for number in range(count):
                    post = {"type": "post", "text": f"{time.time()} {number}"}
                    with contextlib.suppress(RemoteError):
                        message = await peer.call("publish", post)
                        self.spoken.heard(peer.id, message["value"]["sequence"], message["key"])
                        self.journal.count("published")

    def call(
        self, method: str, path: str, expected: set[int], body: Any = None, is_file: bool = False
    ) -> tuple[int, Any]:
        headers = {"Accept": "*/*" if is_file else "application/json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        try:
            answer = requests.request(
                method, self.site.url + path, json=body, headers=headers, timeout=(5, 30)
            )
        except requests.RequestException:
            raise Cut from None
        self.journal.count(str(answer.status_code))
        if answer.status_code not in expected | {503}:
            shape = "/".join(path.partition("?")[0].split("/")[3:]) or path
            self.journal.found(f"{method} …/{shape}: {answer.status_code} {answer.text[:160]!r}")
        if is_file or not answer.content:
            return answer.status_code, None
        try:
            return answer.status_code, answer.json()
        except ValueError:
            return answer.status_code, None


def address_of(bot: Any) -> Address:
    host, _, port = bot["address"].partition("~")[0].removeprefix("net:").rpartition(":")
    return Address(host, int(port), bot["ssbId"])
