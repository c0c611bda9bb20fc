"""Replaceable parts, found by name among the entry points of installed packages."""

from importlib.metadata import EntryPoint, EntryPoints, entry_points

from butt.trouble import Trouble

HOSTS, READINGS, CLOUDS, BILLINGS = "butt.hosts", "butt.readings", "butt.clouds", "butt.billings"
SERVICES = "butt.services"


class UnknownPart(Trouble):
    """No package has a part of that name, or more than one does; the text lists those that exist."""


def parts_of(group: str) -> EntryPoints:
    """All parts of this group in the installed packages."""
    return entry_points(group=group)


def part_named(group: str, name: str) -> EntryPoint:
    """The part of this name; our own are listed in `pyproject.toml` like anybody else's. Raises `UnknownPart`."""
    kind, found = group.removeprefix("butt.").removesuffix("s"), parts_of(group)
    named = [entry for entry in found if entry.name == name]
    if not named:
        names = ", ".join(sorted(entry.name for entry in found)) or "none: run `make setup`"
        raise UnknownPart(f"There is no {kind} “{name}”; there is {names}.")
    if len(named) > 1:
        raise UnknownPart(f"Several packages provide the {kind} “{name}”. Uninstall all but one of them.")
    return named[0]
