"""A memory budget for all peers of a process together.

`muxrpc` bounds what one connection may hold: unread bytes, bytes that the peer does not take, and calls being
answered. A thousand connections could still hold a thousand times that. So each reports here what it holds,
and when the total is too much, the connection that holds the most is ended.
"""

from typing import TYPE_CHECKING, Final, Protocol

from scuttlekit.errors import ProtocolError, ScuttlebuttError

if TYPE_CHECKING:
    from collections.abc import Callable

MOST: Final = 32 << 20
"""Bytes, by default."""


class Holder(Protocol):
    """Something that holds memory, and can be told to release it."""

    def give_up(self, error: ScuttlebuttError) -> None:
        """Release everything at once."""


class Budget:
    """The bytes that each holder holds, and the most they may hold together."""

    __slots__ = ("_held", "most", "refuse", "total")

    def __init__(self, most: int = MOST) -> None:
        self.most = most
        self.total = 0
        self.refuse: Callable[[], object] = lambda: None
        """Called each time a holder has to give up."""
        self._held: dict[Holder, int] = {}

    def hold(self, holder: Holder, size: int) -> None:
        """Record that `holder` now holds `size` bytes; 0 forgets it. While it is too much, the largest gives up."""
        self.total += size - self._held.pop(holder, 0)
        if size:
            self._held[holder] = size
        while self.total > self.most and self._held:
            greatest = max(self._held, key=self._held.__getitem__)
            self.total -= self._held.pop(greatest)
            self.refuse()
            greatest.give_up(
                ProtocolError("too much waits for peers that do not read, and most of it for this one")
            )


SHARED: Final = Budget()
"""The budget of the process, shared by all its servers."""
