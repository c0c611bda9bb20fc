"""A service of one's own: a bot that keeps messages as a pub does, and greets whoever calls `greeting.hello`."""

from pathlib import Path

from butt.services.interface import Figure, Service, ServicePart

GREETER = Service(
    what="greets whoever calls it",
    figures=(Figure.PEERS, Figure.MESSAGES),
    parts=frozenset({ServicePart.HOPS, ServicePart.LIMITS, ServicePart.JOINING}),
    releases="greeter",
    source=Path(__file__).parent / "greeting_pub_python",
)
