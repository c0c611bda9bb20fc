"""How bots run on a machine. A host is found by its name among the entry points of `butt.hosts`."""

from importlib.metadata import EntryPoint, entry_points

from butt.configuration import configuration
from butt.hosts.interface import Away, Busy, Host, HostTrouble, NoRoom, Order, Sighting

__all__ = ["Away", "Busy", "Host", "HostTrouble", "NoRoom", "Order", "Sighting", "chosen_host"]

GROUP = "butt.hosts"
BUILT_IN = {"processes": "butt.hosts.processes:Processes", "salt": "butt.hosts.salt:Salt"}
"""Ours are found also where the package was installed before they came."""


def chosen_host() -> Host:
    """The host that `BUTT_HOST` names."""
    name = configuration().host
    found = {entry.name: entry for entry in entry_points(group=GROUP)}
    found |= {ours: EntryPoint(ours, place, GROUP) for ours, place in BUILT_IN.items() if ours not in found}
    made: Host = found[name].load()(configuration().home)
    return made
