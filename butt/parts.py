"""Parts that may be somebody's own, found by their names among the entry points of packages."""

from importlib.metadata import EntryPoint, EntryPoints, entry_points

HOSTS, READINGS, CLOUDS, BILLINGS = "butt.hosts", "butt.readings", "butt.clouds", "butt.billings"
SERVICES = "butt.services"


class UnknownPart(Exception):
    """No package brings a part of that name, or more than one does; the text says which there are."""


def parts_of(group: str) -> EntryPoints:
    """All that packages bring of this group."""
    return entry_points(group=group)


def part_named(group: str, name: str) -> EntryPoint:
    """Ours stand in `pyproject.toml`, as others' do in theirs. Raises `UnknownPart`."""
    kind, found = group.removeprefix("butt.").removesuffix("s"), parts_of(group)
    named = [entry for entry in found if entry.name == name]
    if not named:
        there = ", ".join(sorted(entry.name for entry in found)) or "none: run `make setup`"
        raise UnknownPart(f"There is no {kind} “{name}”; there is {there}.")
    if len(named) > 1:
        raise UnknownPart(f"More than one package brings a {kind} “{name}”: only one of them may stay.")
    return named[0]
