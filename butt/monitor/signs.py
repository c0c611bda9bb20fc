"""A bot's signs of life: thousands of bots send one each minute, so taking one wakes no task and sets no timer."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable

from scuttlekit.frames import Frame, encode_body

PACE = 1.0
"""Seconds between pushes that are handled. Of those that come in between only the newest is kept."""

UNCHANGED = {"unchanged": True}
"""What a bot sends instead of figures that would say the same as the last ones, as PUB.md says."""

_UNCHANGED_BODY = encode_body(UNCHANGED)[1]


class SignsOfLife:
    """What comes from one bot. `on_silence` is called once nothing has come for as long as `silence` says."""

    def __init__(self, silence: "Silence", on_silence: Callable[[], object]) -> None:
        self._silence, self._on_silence = silence, on_silence
        silence.hear(self)
        self.suffice = self.is_silent = False
        """Whether there is nothing to do when the bot says that nothing changed."""

    def take(self, frame: Frame) -> bool:
        """Note that something came. Whether that was only a sign of life: one that comes early is left to the
        reader, who bounds how much a bot may send.
        """
        is_early = self._silence.hear(self) < PACE
        return self.suffice and not is_early and frame.body == _UNCHANGED_BODY

    def fall_silent(self) -> None:
        self.is_silent = True
        self._on_silence()

    def end(self) -> None:
        self._silence.forget(self)


class Silence:
    """Notices bots of which nothing has come for `limit` seconds. They share a timer: the one that was heard longest ago is
    due first.
    """

    def __init__(self, limit: float) -> None:
        self._limit, self._loop = limit, asyncio.get_running_loop()
        self._heard: OrderedDict[SignsOfLife, float] = OrderedDict()
        self._timer: asyncio.TimerHandle | None = None

    def hear(self, signs: SignsOfLife) -> float:
        """Something came from a bot. Returns how many seconds after what came before, or after it was first heard."""
        now = self._loop.time()
        before = self._heard.pop(signs, now)
        self._heard[signs] = now
        if self._timer is None:
            self._timer = self._loop.call_later(self._limit, self._look)
        return now - before

    def forget(self, signs: SignsOfLife) -> None:
        self._heard.pop(signs, None)

    def _look(self) -> None:
        self._timer, now = None, self._loop.time()
        while self._heard:
            signs, heard = next(iter(self._heard.items()))
            if (left := heard + self._limit - now) > 0:
                self._timer = self._loop.call_later(left, self._look)
                return
            del self._heard[signs]
            signs.fall_silent()


class Silences(dict[float, Silence]):
    """One for each limit."""

    def __missing__(self, limit: float) -> Silence:
        made = self[limit] = Silence(limit)
        return made
