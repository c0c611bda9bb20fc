"""The network's own ssb-server, as it comes from its makers, on a data folder."""

import asyncio
import json
import os
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from butt.sources.node import NODE
from scuttlekit import Address, KeyPair, Peer, ScuttlebuttError, connect
from tests.lanes import free_ports

SOURCE = Path(__file__).parents[2] / "bench" / "stock"
MASTER = KeyPair(b"m" * 32)


@asynccontextmanager
async def stock_server(release: Path, folder: Path, patience: float = 60) -> AsyncIterator[Address]:
    """`ssb-server start` on the data folder `folder/data`, with `MASTER` as its master; what it prints is in `stock`."""
    (port,) = free_ports(1)
    incoming = {"net": [{"scope": "public", "host": "127.0.0.1", "port": port, "transform": "shs"}]}
    config = {
        "path": str(folder / "data"),
        "host": "127.0.0.1",
        "port": port,
        "connections": {"incoming": incoming, "outgoing": {"net": [{"transform": "shs"}]}},
        "master": [MASTER.id],
        "allowPrivate": True,
    }
    (folder / "config").write_text(json.dumps(config))
    environment = {"ssb_config": str(folder / "config"), "HOME": str(folder), "PATH": os.environ["PATH"]}
    with (folder / "stock").open("wb") as output:
        server = subprocess.Popen(  # noqa: ASYNC220 - it is quick
            [str(NODE), str(release / "node_modules/ssb-server/bin.js"), "start"],
            env=environment,
            cwd=folder,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        address = Address("127.0.0.1", port, KeyPair.load(folder / "data" / "secret").id)
        await _answers(address, patience)
        yield address
    finally:
        server.kill()
        server.wait()


async def _answers(address: Address, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with suppress(ScuttlebuttError, OSError, TimeoutError):
            async with connect(address, MASTER) as peer:
                await peer.call("whoami")
                return
        await asyncio.sleep(0.05)
    raise AssertionError("ssb-server does not answer")


async def feed_of(peer: Peer, most: int) -> dict[int, str]:
    """Every message of the peer's own feed: sequence to key."""
    messages = await peer.collect("createUserStream", {"id": peer.id}, limit=most, timeout=60)
    return {message["value"]["sequence"]: message["key"] for message in messages}
