"""The service `room`: a bot where members who are online at the same time meet. It keeps nobody's messages.

It runs the pub's releases: with zero hops, a pub stores no feeds and blobs but its own.
"""

from butt.services.interface import Figure, Service

ROOM = Service(
    what="lets members who are online meet, and keeps no messages",
    figures=(Figure.ATTENDANTS, Figure.TUNNELS, Figure.ALIASES, Figure.PEERS),
    parts=frozenset(),
    configuration={"hops": 0},
)
