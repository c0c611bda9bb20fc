"""The room, through which members who are online at the same time connect to each other.

Source: https://github.com/ssbc/rooms2, and ssb-room-client, which apps use.
"""

from scuttlekit.pub.room.meeting import MeetingRoom
from scuttlekit.pub.room.privacy import MODES, Mode

__all__ = ["MODES", "MeetingRoom", "Mode"]
