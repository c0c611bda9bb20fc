"""The service `room`: a bot where members meet who are online at the same time. It keeps nobody's messages.

It runs the pub's releases: within no hops of itself, a pub takes in no feed and no blob but its own.
"""

from butt.services.interface import Figure, Service

ROOM = Service(
    what="lets members who are online meet, and keeps no messages",
    figures=(Figure.ATTENDANTS, Figure.TUNNELS, Figure.PEERS),
    parts=frozenset(),
    configuration={"hops": 0},
)
