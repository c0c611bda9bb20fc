"""Connecting to many bots in turns: if all of them were connected to at once, none would be done in time, and all would look dead."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

LEAST, MOST = 10, 200
"""How many connections are made at the same time."""

SLOW = 2.0
"""If connecting takes more seconds, fewer connections are made at the same time: a bot hangs up after five."""

SHORTEST, LONGEST, TIMES = 1.0, 20.0, 3
"""A turn is over after so many times as long as connecting takes now, within these bounds in seconds: bots that hang hold up
no others for long, and where all of them are slow, no more and more connections are made at the same time.
"""

AT_FIRST = 1.5
"""How long connecting takes, as long as nothing is known of it: where many are waited for, all of them may be slow."""

NEWS = 1 / 16
"""How much the last connection counts in how long connecting takes."""


class Turns:
    def __init__(self, most: int = MOST) -> None:
        self._free, self._most, self._now = asyncio.Semaphore(most), most, most
        self._surplus = 0
        """How many turns are not given back when they are over."""
        self._takes = AT_FIRST

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
            if is_over:
                return
            is_over = True
            if self._surplus:
                self._surplus -= 1
            else:
                self._free.release()

        timer = loop.call_later(self.longest, end)
        try:
            yield
            self._takes += NEWS * (loop.time() - began - self._takes)
        finally:
            timer.cancel()
            if not is_over:
                self._learn(loop.time() - began)
            end()

    def _learn(self, took: float) -> None:
        """Have one connection less or more made at the same time."""
        if took > SLOW and self._now > min(LEAST, self._most):
            self._now -= 1
            self._surplus += 1
        elif took < SLOW and self._now < self._most:
            self._now += 1
            self._free.release()

    @property
    def longest(self) -> float:
        """Seconds after which a turn is over."""
        return min(LONGEST, max(SHORTEST, TIMES * self._takes))
