"""How bots run on a machine. A host is found by its name among the entry points of `butt.hosts`."""

from importlib.metadata import EntryPoint

from butt.configuration import configuration
from butt.hosts.interface import Away, Busy, Host, HostTrouble, NoRoom, Order, Sighting
from butt.hosts.offered import offered

__all__ = [
    "Away",
    "Busy",
    "Host",
    "HostTrouble",
    "NoRoom",
    "Order",
    "Sighting",
    "UnknownHost",
    "chosen_host",
    "named",
]

GROUP = "butt.hosts"
BUILT_IN = {"processes": "butt.hosts.processes:Processes", "salt": "butt.hosts.salt:Salt"}


class UnknownHost(HostTrouble):
    """There is no host of that name; its text says which there are."""


def chosen_host() -> Host:
    """The host that `BUTT_HOST` names. Raises `UnknownHost`."""
    made: Host = named(configuration().host).load()(configuration().home)
    return made


def named(name: str) -> EntryPoint:
    """Raises `UnknownHost`."""
    found = offered(GROUP, BUILT_IN)
    if name not in found:
        raise UnknownHost(f"There is no host “{name}”; there is {', '.join(sorted(found))}.")
    return found[name]
