"""How much memory all peers of a process may hold up together.

What one connection may hold is bounded in `muxrpc`: bytes that nobody has read, bytes that the peer does not take, and
calls that are being answered. A thousand connections could still hold a thousand times that. So each tells here what it
holds, and when all hold too much, the one that holds most is ended.
"""

from typing import TYPE_CHECKING, Final, Protocol

from scuttlekit.errors import ProtocolError, ScuttlebuttError

if TYPE_CHECKING:
    from collections.abc import Callable

MOST: Final = 32 << 20
"""Bytes, where nobody says otherwise."""


class Holder(Protocol):
    """Whoever holds memory up, and can be told to let it go."""

    def give_up(self, error: ScuttlebuttError) -> None:
        """Let go of everything at once."""


class Budget:
    """The bytes that each holder holds, and the most that they may hold together."""

    __slots__ = ("_held", "most", "refuse", "total", "turned_out")

    def __init__(self, most: int = MOST) -> None:
        self.most = most
        self.total = 0
        self.turned_out = 0
        """How many holders had to give up."""
        self.refuse: Callable[[], object] = lambda: None
        """Called each time one has to."""
        self._held: dict[Holder, int] = {}

    def hold(self, holder: Holder, size: int) -> None:
        """Note that `holder` now holds `size` bytes; 0 forgets it. The greatest holders give up while it is too much."""
        self.total += size - self._held.pop(holder, 0)
        if size:
            self._held[holder] = size
        while self.total > self.most and self._held:
            greatest = max(self._held, key=self._held.__getitem__)
            self.total -= self._held.pop(greatest)
            self.turned_out += 1
            self.refuse()
            greatest.give_up(
                ProtocolError("too much waits for peers that do not read, and most of it for this one")
            )


SHARED: Final = Budget()
"""That of the process: memory is the process's, however many servers it has."""
