"""Folders of bots as their pubs would have left them in the home folder of this test run."""

import hashlib
from pathlib import Path

from butt.agents.models import Agent
from butt.configuration import configuration
from butt.hosts.interface import Folder
from scuttlekit import KeyPair
from tests.scuttlekit.logs import log_of, message

KEYS = KeyPair(b"k" * 32)


def fill(folder: Folder, messages: int = 2) -> Folder:
    """With this many messages, a peer, and three blobs."""
    folder.data.mkdir(parents=True)
    KEYS.save(folder.secret)
    (folder.data / "gossip.json").write_text('[{"host":"there"}]')
    (folder.data / "flume").mkdir()
    log_in(folder).write_bytes(log_of([message(KEYS.id, number + 1) for number in range(messages)]))
    for text in (b"one", b"two", b"three"):
        add_blob(folder, text)
    return folder


def folder_of(bot: Agent) -> Folder:
    return Folder(configuration().home / "bots" / str(bot.id))


def log_in(folder: Folder) -> Path:
    return folder.data / "flume" / "log.offset"


def add_blob(folder: Folder, data: bytes) -> Path:
    digest = hashlib.sha256(data).hexdigest()
    place = folder.data / "blobs" / "sha256" / digest[:2] / digest[2:]
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(data)
    return place
