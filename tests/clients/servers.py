"""ssb-server 16.0.1 beside the apps: a person's own server, with the same methods as an `App`."""

import asyncio
import base64
import hashlib
from pathlib import Path
from typing import Any, Self

from scuttlekit import Peer, RemoteError, connect
from tests.clients.apps import PATIENCE
from tests.exports.living import add_blob, publish
from tests.pub.pubs import CAPS, Pub
from tests.stock import MASTER, StockServer

MOST = 1_000_000


class Server:
    """`without` names plugins that are left out; `network` is a key."""

    def __init__(
        self, stock: Path, folder: Path, network: str = CAPS["shs"], without: tuple[str, ...] = ()
    ) -> None:
        self.name = "ssb-server"
        self.folder = folder
        self._network = base64.b64decode(network)
        self._server = StockServer(stock, folder, self._network, without)
        self.start()
        self.id = self._server.address.key

    @property
    def process(self) -> Any:
        return self._server.process

    def start(self) -> Self:
        self._server.spawn()
        asyncio.run(self._server.answers())
        return self

    def kill(self) -> None:
        self._server.kill()

    def __call__(self, call: str, *args: Any, patience: float = PATIENCE) -> Any:
        """The server's answer. Raises `RuntimeError` with its message."""
        work = getattr(self, f"_{call}")

        async def ask() -> Any:
            async with connect(self._server.address, MASTER, network=self._network) as peer:
                return await asyncio.wait_for(work(peer, *args), patience)

        try:
            return asyncio.run(ask())
        except RemoteError as refused:
            raise RuntimeError(str(refused)) from None

    def texts(self, feed: str) -> list[str | None]:
        """The texts of the posts of a feed that it has; None for what it cannot read."""
        return self("texts", feed)

    @property
    def addresses(self) -> Path:
        """The file in which it keeps other peers' addresses."""
        return self.folder / "data" / "gossip.json"

    def has_written(self, text: str) -> bool:
        """Whether its log on disk has a message with this text."""
        return text.encode() in (self.folder / "data" / "flume" / "log.offset").read_bytes()

    def would_find(self, pub: str) -> bool:
        """Whether it would dial the pub after a sudden end."""
        return self.addresses.exists() and pub in self.addresses.read_text()

    def has_noted(self, pub: Pub) -> bool:
        """Whether it would know the pub's address after a sudden end."""
        noted = self.folder / "data" / "gossip.json"
        return noted.exists() and pub.id in noted.read_text()

    async def _join(self, peer: Peer, invite: str) -> None:
        await peer.call("invite.accept", invite, timeout=PATIENCE)

    async def _remember(self, peer: Peer, address: str, _key: str) -> None:
        await peer.call("gossip.add", address, "manual")

    async def _connect(self, peer: Peer, address: str, _key: str) -> None:
        await peer.call("gossip.connect", address, timeout=PATIENCE)

    async def _publish(self, peer: Peer, content: Any) -> dict[str, Any]:
        said = await peer.call("publish", content, timeout=PATIENCE)
        return {"key": said["key"], "sequence": said["value"]["sequence"]}

    async def _publishMany(self, peer: Peer, count: int) -> None:  # noqa: N802 - as the call is named
        await publish(peer, count)

    async def _publishPrivately(self, peer: Peer, content: Any, readers: list[str]) -> str:  # noqa: N802
        return (await self._publish(peer, {**content, "recps": readers}))["key"]

    async def _texts(self, peer: Peer, feed: str) -> list[str | None]:
        wanted = {"id": feed, "private": True, "keys": False}
        contents = [m["content"] for m in await peer.collect("createUserStream", wanted, limit=MOST)]
        return [
            None if isinstance(content, str) else content["text"]
            for content in contents
            if isinstance(content, str) or "text" in content
        ]

    async def _latest(self, peer: Peer, feed: str) -> int | None:
        return (await peer.call("getFeedState", feed))["sequence"]

    async def _addBlob(self, peer: Peer, size: int, fill: int) -> str:  # noqa: N802
        blob = await add_blob(peer, bytes([fill]) * size)
        await peer.call("blobs.push", blob)
        return blob

    async def _wantBlob(self, peer: Peer, blob: str) -> bool:  # noqa: N802
        return await peer.call("blobs.want", blob, timeout=PATIENCE)

    async def _blobDigest(self, peer: Peer, blob: str) -> str:  # noqa: N802
        digest = hashlib.sha256()
        async for part in peer.source("blobs.get", blob):
            digest.update(part)
        return base64.b64encode(digest.digest()).decode()
