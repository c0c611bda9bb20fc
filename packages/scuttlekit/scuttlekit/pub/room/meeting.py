"""The room as a whole."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from scuttlekit.pub.limits import Limits
from scuttlekit.pub.room.aliases import Aliases
from scuttlekit.pub.room.attendants import Attendants
from scuttlekit.pub.room.privacy import Mode, Privacy
from scuttlekit.pub.room.told import RoomSettings
from scuttlekit.pub.room.tunnels import Tunnels


class MeetingRoom:
    """The parts of a room. `follows`, `blocks` and `is_key` are as in `Privacy`. No tunnels run while `is_saving`."""

    def __init__(
        self,
        folder: Path,
        mode: Mode,
        own_id: str,
        limits: Limits,
        *,
        follows: Callable[[str], bool],
        blocks: Callable[[str], bool],
        is_key: Callable[[str], bool],
        is_saving: Callable[[], bool] = lambda: False,
    ) -> None:
        """Read the room's files in the folder. Raises Refusal, OSError."""
        self.told = RoomSettings(folder, mode)
        self.aliases = Aliases(folder, own_id, limits)
        self.aliases.read()
        self.privacy = Privacy(self.told.mode, follows=follows, blocks=blocks, is_key=is_key)
        self.attendants = Attendants(limits["comings"], limits.refuse)
        self.tunnels = Tunnels(own_id, self.attendants, self.privacy, limits, is_saving)

    def review(self) -> None:
        """Re-evaluate who may be here and which tunnels may stay, after a follow or a block."""
        self.attendants.review(self.privacy.is_internal)
        self.tunnels.review()

    def tell(self, asked: Any) -> dict[str, Any]:
        """Apply a service's settings at once, and return the ones in effect. Raises RemoteError, OSError."""
        counts = self.told.tell(asked)
        self.privacy.mode = self.told.mode
        self.review()
        return counts

    @property
    def has_aliases(self) -> bool:
        """Whether the mode allows aliases, and they have pages."""
        return self.told.aliases_at is not None and self.privacy.mode in {Mode.OPEN, Mode.COMMUNITY}

    def figures(self) -> dict[str, int]:
        return {
            "attendants": len(self.attendants),
            "tunnels": len(self.tunnels),
            "aliases": len(self.aliases),
        }
