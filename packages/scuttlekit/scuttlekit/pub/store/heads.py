"""A cache of feeds' latest messages, least recently used first out."""

from collections import OrderedDict
from typing import Final

from scuttlekit.messages import Head

MOST_HEADS: Final = 2048


class Heads:
    """At most `MOST_HEADS` entries."""

    def __init__(self) -> None:
        self._heads: OrderedDict[str, Head] = OrderedDict()

    def get(self, feed: str) -> Head | None:
        if feed not in self._heads:
            return None
        self._heads.move_to_end(feed)
        return self._heads[feed]

    def keep(self, feed: str, head: Head) -> None:
        self._heads[feed] = head
        self._heads.move_to_end(feed)
        if len(self._heads) > MOST_HEADS:
            self._heads.popitem(last=False)

    def clear(self) -> None:
        self._heads.clear()
