"""Who has been silent for too long is noticed in time, whoever else is heard meanwhile."""

import asyncio

from butt.monitor.signs import UNCHANGED, SignsOfLife, Silence
from scuttlekit.frames import Frame, encode_body

SIGN = Frame(10, -1, encode_body(UNCHANGED)[1])


class Bot:
    def __init__(self, silence: Silence) -> None:
        self.silent_at = 0.0
        self.signs = SignsOfLife(silence, self._note)

    def _note(self) -> None:
        self.silent_at = asyncio.get_running_loop().time()


async def test_each_is_silent_once_nothing_came_for_the_limit_and_not_before():
    loop, limit = asyncio.get_running_loop(), 1.5
    silence = Silence(limit)
    quiet, lively, ended, late = Bot(silence), Bot(silence), Bot(silence), Bot(silence)
    began = loop.time()
    ended.signs.end()
    await asyncio.sleep(0.3)
    late.signs.take(SIGN)
    heard = loop.time()
    while not late.signs.is_silent:
        lively.signs.take(SIGN)
        await asyncio.sleep(0.1)
    assert quiet.signs.is_silent
    assert quiet.silent_at - began >= limit
    assert late.silent_at - heard >= limit - 0.01
    assert not lively.signs.is_silent
    assert not ended.signs.is_silent


async def test_a_sign_of_life_suffices_only_if_it_is_not_early_and_nothing_else_is_to_do():
    silence = Silence(60)
    bot = Bot(silence)
    assert not bot.signs.take(SIGN), "the figures may still have to be proven"
    bot.signs.suffice = True
    assert not bot.signs.take(SIGN), "it comes within a second of the last one"
    silence._heard[bot.signs] -= 2
    assert bot.signs.take(SIGN)
    silence._heard[bot.signs] -= 2
    assert not bot.signs.take(Frame(10, -1, b"{}"))
