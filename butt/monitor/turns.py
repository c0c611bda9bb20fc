"""Connecting to many bots in turns: if all of them were connected to at once, none would be done in time, and all would look dead."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

MOST, LONGEST = 200, 1.0
"""How many connections are made at the same time, and the longest turn of one in seconds: bots that hang hold up no others."""


class Turns:
    def __init__(self, most: int = MOST) -> None:
        self._free = asyncio.Semaphore(most)

    @asynccontextmanager
    async def one(self) -> AsyncIterator[None]:
        """Wait for a turn. It is over at the end of the block, or after `LONGEST` seconds."""
        await self._free.acquire()
        loop = asyncio.get_running_loop()
        end = loop.call_later(LONGEST, self._free.release)
        try:
            yield
        finally:
            if loop.time() < end.when():
                end.cancel()
                self._free.release()
