"""People publish messages through their bots. A message that a pub acknowledged is never lost, and no feed
forks.
"""

import asyncio
import contextlib
import json
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from butt.hosts.interface import Folder
from chaos.journal import Journal
from scuttlekit import Address, KeyPair, RemoteError, ScuttlebuttError, connect
from scuttlekit.offsetlog import FRAME, survey
from tests.service import Service

if TYPE_CHECKING:
    from chaos.people import Person


class Spoken:
    """Every message that a pub acknowledged, by feed and sequence: it must be the same for everybody."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._lock = threading.Lock()
        self.keys: dict[str, dict[int, str]] = {}

    def heard(self, feed: str, message: Any) -> None:
        sequence, key = message["value"]["sequence"], message["key"]
        with self._lock:
            earlier = self.keys.setdefault(feed, {}).setdefault(sequence, key)
        if earlier != key:
            self._journal.found(f"{feed} forked at {sequence}: {earlier} and {key}")


def publishes(person: "Person", bot: Any) -> None:
    """Publish some messages; sometimes the connection is cut while one is on its way."""
    if bot["state"] != "alive":
        return
    patience = person.random.choice((0.02, 0.1, 5.0))
    count = person.random.randint(1, 5)
    with contextlib.suppress(ScuttlebuttError, OSError, TimeoutError):
        asyncio.run(_publish(person, bot, count, patience))


async def _publish(person: "Person", bot: Any, count: int, patience: float) -> None:
    keys = KeyPair.load(person.site.home / "identity")
    async with connect(Address.parse(bot["address"]), keys) as peer, asyncio.timeout(patience):
        for number in range(count):
            post = {"type": "post", "text": f"{time.time()} {number}"}
            with contextlib.suppress(RemoteError):
                person.world.spoken.heard(peer.id, await peer.call("publish", post))
                person.journal.count("published")


def are_kept(site: Service, bots: list[Any], spoken: Spoken, journal: Journal) -> None:
    for bot in bots:
        folder = Folder(site.home / "bots" / bot["id"])
        feed = bot["ssbId"]
        if not feed:
            continue
        written = _own_messages(folder.data / "flume" / "log.offset", feed, journal)
        for sequence, key in spoken.keys.get(feed, {}).items():
            if sequence not in written:
                journal.found(f"{bot['name']} lost its acknowledged message {sequence}")
            elif written[sequence] != key:
                journal.found(f"{bot['name']} forked at {sequence}")


def _own_messages(log: Path, feed: str, journal: Journal) -> dict[int, str]:
    found: dict[int, str] = {}
    if not log.exists():
        return found
    with log.open("rb") as file:
        size = log.stat().st_size
        seen = survey(file, size, feed)
        if seen.damaged:
            journal.found(f"{log} is damaged")
        file.seek(0)
        data = file.read(seen.whole)
    at, previous = 0, None
    while at < len(data):
        length = int.from_bytes(data[at : at + 4])
        message = json.loads(data[at + 4 : at + 4 + length])
        at += length + FRAME
        value = message["value"]
        if value["author"] != feed:
            continue
        if value["sequence"] in found or value["previous"] != previous:
            journal.found(f"{feed} forked at {value['sequence']} in its own log")
        found[value["sequence"]] = previous = message["key"]
    return found
