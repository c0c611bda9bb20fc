"""The parts of a room together."""

from collections.abc import Callable

from scuttlekit.pub.limits import Limits
from scuttlekit.pub.room.attendants import Attendants
from scuttlekit.pub.room.privacy import Mode, Privacy
from scuttlekit.pub.room.tunnels import Tunnels


class MeetingRoom:
    """Where members meet. `follows`, `blocks` and `is_key` are as in `Privacy`."""

    def __init__(
        self,
        mode: Mode,
        own_id: str,
        limits: Limits,
        *,
        follows: Callable[[str], bool],
        blocks: Callable[[str], bool],
        is_key: Callable[[str], bool],
    ) -> None:
        self.privacy = Privacy(mode, follows=follows, blocks=blocks, is_key=is_key)
        self.attendants = Attendants(limits["comings"], limits.refuse)
        self.tunnels = Tunnels(own_id, self.attendants, self.privacy, limits)

    def review(self) -> None:
        """See anew who may be here and what they may have, after a follow or a block."""
        self.attendants.review(self.privacy.is_internal)
        self.tunnels.review()

    def figures(self) -> dict[str, int]:
        return {"attendants": len(self.attendants), "tunnels": len(self.tunnels)}
