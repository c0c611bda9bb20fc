"""Feeds that something has to be done about: a few by number, or all from a place on."""

from collections.abc import Iterator, Sized
from typing import Final

MOST_BY_NUMBER: Final = 256


class Pile:
    """Numbers of feeds, among all that there are in `feeds`, which only become more.

    Where more than a few are on it, it remembers only how many are left to look at, and gives them all, also those that
    were not added: whoever takes looks whether there is something to do.
    """

    __slots__ = ("_at", "_feeds", "_few", "_left", "_size")

    def __init__(self, feeds: Sized, *, full: bool = False) -> None:
        self._feeds = feeds
        self._few: dict[int, None] = {}
        # The `_left` numbers from `_at` on, around the end of all `_size`.
        self._at = 0
        self._size = len(feeds)
        self._left = self._size if full else 0

    def add(self, number: int) -> None:
        self._grow()
        if self._left > 0 and (number - self._at) % self._size < self._left:
            return
        if len(self._few) < MOST_BY_NUMBER:
            self._few[number] = None
        else:
            self._few.clear()
            self._left = self._size

    def take(self) -> Iterator[int]:
        """Give what is on it, one after the other, for as long as the taker goes on. Nothing may be added meanwhile."""
        while self._few:
            number = next(iter(self._few))
            del self._few[number]
            yield number
        self._grow()
        while self._left > 0:
            number = self._at
            self._at = (number + 1) % self._size
            self._left -= 1
            yield number

    def _grow(self) -> None:
        size = len(self._feeds)
        if self._at + self._left > self._size:
            # What is left goes on at the beginning, so the new ones at the end come in between.
            self._left += size - self._size
        self._size = size
