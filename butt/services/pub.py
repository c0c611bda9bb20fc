"""The service `pub`: a bot that keeps the messages of its guests and their friends."""

from butt.services.interface import Figure, Service, ServicePart

PUB = Service(
    what="keeps the messages of its members and their friends",
    figures=(Figure.PEERS, Figure.MESSAGES, Figure.FEEDS, Figure.INDEXED),
    parts=frozenset(ServicePart),
)
