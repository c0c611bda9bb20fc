"""The room: through it, members who are online at the same time connect with each other.

Source: https://github.com/ssbc/rooms2, and ssb-room-client, which is what apps use.
"""

from scuttlekit.pub.room.meeting import MeetingRoom
from scuttlekit.pub.room.privacy import MODES, Mode

__all__ = ["MODES", "MeetingRoom", "Mode"]
