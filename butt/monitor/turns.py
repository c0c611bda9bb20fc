"""Connecting to many bots in turns: if all of them were connected to at once, none would be done in time, and all would look dead."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

MOST = 200
"""How many connections are made at the same time."""

SHORTEST, LONGEST, TIMES = 1.0, 20.0, 3
"""A turn is over after so many times as long as connecting takes now, within these bounds in seconds: bots that hang hold up
no others for long, and where all of them are slow, no more and more connections are made at the same time.
"""

NEWS = 1 / 16
"""How much the last connection counts in how long connecting takes."""


class Turns:
    def __init__(self, most: int = MOST) -> None:
        self._free = asyncio.Semaphore(most)
        self._takes = 0.0

    @asynccontextmanager
    async def one(self) -> AsyncIterator[None]:
        """Wait for a turn. It is over at the end of the block, or after `longest` seconds. What ends with an exception, or not
        at all, says nothing of how long connecting takes.
        """
        await self._free.acquire()
        loop = asyncio.get_running_loop()
        began, is_over = loop.time(), False

        def end() -> None:
            nonlocal is_over
            if not is_over:
                is_over = True
                self._free.release()

        timer = loop.call_later(self.longest, end)
        try:
            yield
            self._takes += NEWS * (loop.time() - began - self._takes)
        finally:
            timer.cancel()
            end()

    @property
    def longest(self) -> float:
        """Seconds after which a turn is over."""
        return min(LONGEST, max(SHORTEST, TIMES * self._takes))
