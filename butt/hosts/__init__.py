"""How bots run on a machine. A host is found by its name among the entry points of `butt.hosts`."""

from butt.configuration import configuration
from butt.hosts.interface import (
    Away,
    BackgroundWork,
    Carried,
    Host,
    HostTrouble,
    Mover,
    NoRoom,
    Order,
    Settled,
    Sighting,
)
from butt.parts import HOSTS, part_named

__all__ = [
    "Away",
    "BackgroundWork",
    "Carried",
    "Host",
    "HostTrouble",
    "Mover",
    "NoRoom",
    "Order",
    "Settled",
    "Sighting",
    "chosen_host",
]


def chosen_host() -> Host:
    """The host that `BUTT_HOST` names. Raises `UnknownPart`."""
    made: Host = part_named(HOSTS, configuration().host).load()(configuration().home)
    return made
