"""Light bots that a test makes stall, die or lie: real handshakes, real streams, figures of our own."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Any, Self

from scuttlekit import Address, KeyPair, RemoteError, serve
from tests.figures.history import figures


class Responder:
    """`async with Responder() as bot:`; what it pushes stands in `said`, and it pauses as long as `pause` says."""

    def __init__(self, pause: float = 0.2) -> None:
        self.keys, self.pause, self.stall = KeyPair.generate(), pause, 0.0
        self.said: Any = figures(datetime.now(UTC)).model_dump(mode="json", by_alias=True)
        self.latest: Any = None
        self.hangs_up = False
        self.port = 0

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def open(self) -> None:
        self._stack = AsyncExitStack()
        handlers = {"whoami": self._whoami, "butt.figures": self._figures, "getLatest": self._latest}
        self.server = await self._stack.enter_async_context(
            serve("127.0.0.1", self.port, self.keys, handlers)
        )
        self.port = self.server.address.port

    async def close(self) -> None:
        await self._stack.aclose()

    @property
    def address(self) -> Address:
        return Address("127.0.0.1", self.port, self.keys.id)

    async def _whoami(self, _peer: Any) -> Any:
        await asyncio.sleep(self.stall)
        return {"id": self.keys.id}

    async def _latest(self, _peer: Any, _feed: Any) -> Any:
        if self.latest is None:
            raise RemoteError("there is no message of this feed")
        return {"key": self.latest.key, "value": self.latest.value}

    async def _figures(self, peer: Any, _options: Any) -> AsyncGenerator[Any]:
        while True:
            await asyncio.sleep(self.stall)
            yield self.said
            if self.hangs_up:
                await peer.close()
            await asyncio.sleep(self.pause)
