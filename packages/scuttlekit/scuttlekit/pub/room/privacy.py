"""The privacy modes of a room: who is an internal user, and what everybody else may do.

Source: https://github.com/ssbc/rooms2, "Privacy modes" and "Internal user authentication".
"""

from collections.abc import Callable
from enum import Enum
from typing import Final


class Mode(Enum):
    """Who may use the room."""

    OPEN = "open"
    """Everybody is an internal user."""
    COMMUNITY = "community"
    """Members are internal users. Anybody else may connect to one of them if they know the id."""
    RESTRICTED = "restricted"
    """Members are internal users. To anybody else there is no room."""
    NONE = "none"
    """The pub is not a room."""


MODES: Final = frozenset(mode.value for mode in Mode)


class Privacy:
    """Decides by feed id, on each call, so that a follow or a block takes effect at once.

    `follows` and `blocks` say whether the pub follows or blocks a feed. `is_key` recognises invite keys,
    which several people may hold, so that they do not identify anybody.
    """

    def __init__(
        self,
        mode: Mode,
        *,
        follows: Callable[[str], bool],
        blocks: Callable[[str], bool],
        is_key: Callable[[str], bool],
    ) -> None:
        self.mode = mode
        self._follows = follows
        self._blocks = blocks
        self._is_key = is_key

    def is_internal(self, feed: str) -> bool:
        """Whether this feed and the others in the room may see each other."""
        if self.mode is Mode.NONE or self._blocks(feed) or self._is_key(feed):
            return False
        return self.mode is Mode.OPEN or self._follows(feed)

    def may_connect(self, feed: str) -> bool:
        """Whether this feed may connect to an internal user whose id it knows."""
        if self.is_internal(feed):
            return True
        return self.mode is Mode.COMMUNITY and not self._blocks(feed) and not self._is_key(feed)

    @property
    def is_hidden(self) -> bool:
        """Whether strangers must not learn that there is a room."""
        return self.mode in {Mode.RESTRICTED, Mode.NONE}
