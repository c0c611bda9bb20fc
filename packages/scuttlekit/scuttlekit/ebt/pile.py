"""A compact set of feeds to process: either a few numbers, or a range of all."""

from collections.abc import Iterator, Sized
from typing import Final

MOST_BY_NUMBER: Final = 256


class Pile:
    """Numbers of feeds, which are indices in `feeds`. That list only grows.

    Beyond a few numbers, it remembers only how many feeds are left to check, and yields all of them,
    including feeds that were not added. The caller checks whether there is anything to do.
    """

    __slots__ = ("_at", "_feeds", "_few", "_left", "_size")

    def __init__(self, feeds: Sized, *, full: bool = False) -> None:
        self._feeds = feeds
        self._few: dict[int, None] = {}
        # The `_left` numbers from `_at` on, wrapping around at `_size`.
        self._at = 0
        self._size = len(feeds)
        self._left = self._size if full else 0

    def add(self, number: int) -> None:
        """Put in a feed, by its number. One that is in already is kept once."""
        self._grow()
        if self._left > 0 and (number - self._at) % self._size < self._left:
            return
        if len(self._few) < MOST_BY_NUMBER:
            self._few[number] = None
        else:
            self._few.clear()
            self._left = self._size

    def take(self) -> Iterator[int]:
        """Remove and yield numbers until the caller stops. Nothing may be added in the meantime."""
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
            # The range wraps around to the start, so the new numbers at the end fall within it.
            self._left += size - self._size
        self._size = size
