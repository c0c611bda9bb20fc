"""The network's own ssb-server 16.0.1, unmodified, on a data folder."""

import asyncio
import base64
import json
import os
import subprocess
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from butt.sources.node import NODE
from scuttlekit import Address, KeyPair, Peer, ScuttlebuttError, connect
from scuttlekit.handshake import MAIN_NETWORK
from tests.lanes import free_ports

STOCK = Path(__file__).parents[1] / "bench" / "stock"
MASTER = KeyPair(b"m" * 32)


class StockServer:
    """`ssb-server start` on the data folder `folder/data`, with `MASTER` as its master; its output is in
    `stock`.

    To leave out the plugins in `without`, the server is assembled from its parts.
    """

    def __init__(
        self, release: Path, folder: Path, network: bytes = MAIN_NETWORK, without: Sequence[str] = ()
    ) -> None:
        (self.port,) = free_ports(1)
        self.folder, self.network = folder, network
        self._command = [str(NODE), str(release / "node_modules" / "ssb-server" / "bin.js"), "start"]
        if without:
            parts = Path(__file__).parent / "scuttlekit" / "ssb_server.js"
            self._command = [str(NODE), str(parts), str(release), str(folder / "config"), *without]
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> Address:
        return Address("127.0.0.1", self.port, KeyPair.load(self.folder / "data" / "secret").id)

    @property
    def output(self) -> str:
        return (self.folder / "stock").read_text()

    def spawn(self) -> None:
        incoming = {"net": [{"scope": "public", "host": "127.0.0.1", "port": self.port, "transform": "shs"}]}
        config = {
            "path": str(self.folder / "data"),
            "host": "127.0.0.1",
            "port": self.port,
            "connections": {"incoming": incoming, "outgoing": {"net": [{"transform": "shs"}]}},
            "caps": {"shs": base64.b64encode(self.network).decode()},
            "master": [MASTER.id],
            "allowPrivate": True,
        }
        self.folder.mkdir(exist_ok=True)
        (self.folder / "config").write_text(json.dumps(config))
        environment = {
            "ssb_config": str(self.folder / "config"),
            "HOME": str(self.folder),
            "PATH": os.environ["PATH"],
        }
        with (self.folder / "stock").open("wb") as output:
            self.process = subprocess.Popen(
                self._command,
                env=environment,
                cwd=self.folder,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    async def answers(self, patience: float = 60) -> None:
        """Wait until it answers."""
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            with suppress(ScuttlebuttError, OSError, TimeoutError):
                await self.call("whoami")
                return
            await asyncio.sleep(0.05)
        raise AssertionError(f"ssb-server does not answer: {self.output}")

    async def call(self, name: str, *arguments: Any, patience: float = 30) -> Any:
        """Call it as its master."""
        async with connect(self.address, MASTER, network=self.network) as peer:
            return await peer.call(name, *arguments, timeout=patience)

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()


@asynccontextmanager
async def stock_server(release: Path, folder: Path, patience: float = 60) -> AsyncIterator[Address]:
    """A server on the main network that answers, for the length of a block."""
    server = StockServer(release, folder)
    server.spawn()
    try:
        await server.answers(patience)
        yield server.address
    finally:
        server.kill()


async def feed_of(peer: Peer, most: int) -> dict[int, str]:
    """Every message of the peer's own feed: sequence to key."""
    messages = await peer.collect("createUserStream", {"id": peer.id}, limit=most, timeout=60)
    return {message["value"]["sequence"]: message["key"] for message in messages}
