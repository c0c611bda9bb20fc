"""Somebody with an ssb-server of their own, who accepts invites."""

import asyncio
from pathlib import Path
from typing import Any

from scuttlekit import Address, KeyPair, connect
from tests.pub.pubs import Pub


class Guest:
    """A real ssb-server on the main network, from a release of the pub for Node; `accept` is what its `invite.accept` does."""

    def __init__(self, release: Path, folder: Path) -> None:
        self.keys = KeyPair.generate()
        self.pub = Pub(release, folder, master=[self.keys.id], caps={}).start()
        self.id = self.pub.id

    def accept(self, code: str, patience: float = 30) -> Any:
        return self.call("invite.accept", code, patience=patience)

    def is_called(self, name: str) -> None:
        self.call("publish", {"type": "about", "about": self.id, "name": name})

    def call(self, name: str, *arguments: Any, patience: float = 30) -> Any:
        async def ask() -> Any:
            async with connect(Address("127.0.0.1", self.pub.config["port"], self.id), self.keys) as peer:
                return await peer.call(name, *arguments, timeout=patience)

        return asyncio.run(ask())

    def leave(self) -> None:
        self.pub.kill()
