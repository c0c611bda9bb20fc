"""A bot's signs of life: thousands of bots send one each minute, so taking one wakes no task and sets no timer."""

import asyncio
from collections.abc import Callable

from scuttlekit.frames import Frame, encode_body

PACE = 1.0
"""Seconds between pushes that are handled. Of those that come in between only the newest is kept."""

UNCHANGED = {"unchanged": True}
"""What a bot sends instead of figures that would say the same as the last ones, as PUB.md says."""

_UNCHANGED_BODY = encode_body(UNCHANGED)[1]


class SignsOfLife:
    """A bot's signs of life and its silence, without a task that wakes or a timer that is set for each sign.

    `on_silence` is called once nothing has come for `limit` seconds.
    """

    def __init__(self, limit: float, on_silence: Callable[[], object]) -> None:
        self._loop = asyncio.get_running_loop()
        self._limit, self._on_silence = limit, on_silence
        self._heard = self._loop.time()
        self._timer = self._loop.call_later(limit, self._look)
        self.suffice = self.is_silent = False
        """Whether there is nothing to do when the bot says that nothing changed."""

    def take(self, frame: Frame) -> bool:
        """Note that something came. Whether that was only a sign of life: one that comes early is left to the
        reader, who bounds how much a bot may send.
        """
        now = self._loop.time()
        is_early, self._heard = now < self._heard + PACE, now
        return self.suffice and not is_early and frame.body == _UNCHANGED_BODY

    def end(self) -> None:
        self._timer.cancel()

    def _look(self) -> None:
        left = self._heard + self._limit - self._loop.time()
        if left > 0:
            self._timer = self._loop.call_later(left, self._look)
        else:
            self.is_silent = True
            self._on_silence()
