"""One log for both: ssb-server continues where our store stopped, and ours where ssb-server stopped.

ssb-server leaves its own indexes beside the log, and finds them again when it comes back. These must not be
believed about messages that were stored meanwhile.
"""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from scuttlekit import KeyPair, Peer, connect
from scuttlekit.offsetlog import survey
from scuttlekit.pub.sequence import SequenceNote
from scuttlekit.pub.store import Store
from scuttlekit.pub.store.store import INDEX, LOG
from tests import stock
from tests.scuttlekit.store.voices import Voice

MOST = 10_000
POST = {"type": "post", "text": "from elsewhere"}

Visit = Callable[[Path, Callable[[Peer], Awaitable[None]]], Awaitable[None]]


@pytest.fixture
def visit(built_stock: Path) -> Visit:
    """Runs the other program on the folder's `data`, and returns a master's connection to it."""

    async def visit(folder: Path, talk: Callable[[Peer], Awaitable[None]]) -> None:
        async with stock.stock_server(built_stock, folder) as address, connect(address, stock.MASTER) as peer:
            await talk(peer)

    return visit


class Folder:
    """A pub's folder, with `data` in it, and what should be there."""

    def __init__(self, folder: Path) -> None:
        self.path = folder
        self.data = folder / "data"
        self.data.mkdir()
        self.own = KeyPair.generate()
        self.own.save(self.data / "secret")
        self.voices = [Voice("alice"), Voice("bob")]
        self.keys: list[str] = []

    def open(self) -> Store:
        note = SequenceNote(self.data)
        note.read()
        note.begin()
        return Store.open(self.data, self.own, note)

    async def grows(self, count: int) -> None:
        """Feeds publish in turns, and so does the pub itself; everything from before is there."""
        store = self.open()
        await store.index()
        assert [one.key for one in store.read_log()] == self.keys
        for number in range(count):
            said = [
                message
                for voice in self.voices
                for message in voice.posts(f"{number} \ud800 \u2028 😀", "x" * (37 * number % 2000))
            ]
            said.append(
                self.voices[0].says({"type": "contact", "contact": self.own.id, "following": number % 2 == 0})
            )
            said.append(
                self.voices[1].says(
                    {"type": "odd", "10": 1e21, "2": -0.0, "__proto__": [], "text": {"a": None}}
                )
            )
            store.append(said)
            await store.publish({"type": "contact", "contact": self.voices[0].id, "following": True})
        self.keys = [one.key for one in store.read_log()]
        store.close()

    async def compare(self, peer: Peer) -> None:
        """What the other program says about it, and one message more."""
        found = await peer.collect("createLogStream", {"values": False, "keys": True}, limit=MOST, timeout=60)
        assert found == self.keys
        for voice in self.voices:
            feed = await peer.collect("createUserStream", {"id": voice.id}, limit=MOST, timeout=60)
            assert [message["value"]["sequence"] for message in feed] == list(
                range(1, voice.head.sequence + 1)
            )
            latest = await peer.call("getLatest", voice.id)
            assert (latest["key"], latest["value"]["sequence"]) == (voice.head.key, voice.head.sequence)
        own = await stock.feed_of(peer, MOST)
        said = await peer.call("publish", POST, timeout=60)
        assert said["value"]["sequence"] == len(own) + 1
        assert await peer.call("get", self.keys[-1])
        follows: Any = {"source": self.own.id, "dest": self.voices[0].id}
        assert await peer.call("friends.isFollowing", follows) is True
        self.keys.append(said["key"])


async def test_a_log_goes_to_ssb_server_and_back(tmp_path: Path, visit: Visit):
    folder = Folder(tmp_path)
    for count in (3, 1, 20):
        await folder.grows(count)
        await visit(folder.path, folder.compare)
    await folder.grows(1)
    log = folder.data / LOG
    with log.open("rb") as file:
        found = survey(file, log.stat().st_size, folder.own.id)
    assert (found.records, found.whole, found.damaged) == (len(folder.keys), log.stat().st_size, False)


async def test_a_truncated_log_does_not_deceive_ssb_server(tmp_path: Path, visit: Visit):
    """It was cut while it was ours, and grew again beyond what the other program's indexes know."""
    folder = Folder(tmp_path)
    await folder.grows(3)
    await visit(folder.path, folder.compare)
    log = folder.data / LOG
    with log.open("r+b") as file:
        file.truncate(log.stat().st_size - 5)
    folder.keys.pop()
    (folder.data / "sequence").unlink(missing_ok=True)
    await folder.grows(5)
    await visit(folder.path, folder.compare)


async def test_our_store_continues_a_folder_of_ssb_server(tmp_path: Path, visit: Visit):
    folder = Folder(tmp_path)
    folder.keys = []

    async def talk(peer: Peer) -> None:
        for number in range(30):
            said = await peer.call("publish", {**POST, "number": number}, timeout=60)
            folder.keys.append(said["key"])
        for message in folder.voices[0].posts(*"abc"):
            await peer.call("add", message.value, timeout=60)
            folder.keys.append(message.key)

    await visit(folder.path, talk)
    assert not (folder.data / INDEX).exists()
    theirs = {path.name for path in (folder.data / LOG).parent.iterdir()}
    await folder.grows(2)
    assert theirs < {path.name for path in (folder.data / LOG).parent.iterdir()}
    await visit(folder.path, folder.compare)
