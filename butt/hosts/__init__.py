"""How bots run on a machine. A host is found by its name among the entry points of `butt.hosts`."""

from importlib.metadata import EntryPoint, entry_points

from butt.configuration import configuration
from butt.hosts.interface import Away, Busy, Host, HostTrouble, NoRoom, Order, Sighting

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
"""Ours are found also where the package was installed before they came."""


class UnknownHost(HostTrouble):
    """There is no host of that name; its text says which there are."""


def chosen_host() -> Host:
    """The host that `BUTT_HOST` names. Raises `UnknownHost`."""
    made: Host = named(configuration().host).load()(configuration().home)
    return made


def named(name: str) -> EntryPoint:
    """Raises `UnknownHost`."""
    found = {entry.name: entry for entry in entry_points(group=GROUP)}
    found |= {ours: EntryPoint(ours, place, GROUP) for ours, place in BUILT_IN.items() if ours not in found}
    if name not in found:
        raise UnknownHost(f"There is no host “{name}”; there is {', '.join(sorted(found))}.")
    return found[name]
