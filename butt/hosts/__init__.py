"""How bots run on a machine. A host is found by its name among the entry points of `butt.hosts`."""

from importlib.metadata import entry_points

from butt.configuration import configuration
from butt.hosts.interface import Away, Busy, Host, HostTrouble, NoRoom, Order, Sighting

__all__ = ["Away", "Busy", "Host", "HostTrouble", "NoRoom", "Order", "Sighting", "chosen_host"]


def chosen_host() -> Host:
    """The host that `BUTT_HOST` names."""
    name = configuration().host
    (found,) = entry_points(group="butt.hosts", name=name)
    made: Host = found.load()(configuration().home)
    return made
