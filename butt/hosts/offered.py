"""What is offered under a name: ours, and what others added among the entry points."""

from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points


def offered(group: str, built_in: Mapping[str, str]) -> dict[str, EntryPoint]:
    """`built_in`, `{name: place}`, is found also where the package was installed before it came; who is installed goes first."""
    found = {entry.name: entry for entry in entry_points(group=group)}
    return {name: EntryPoint(name, place, group) for name, place in built_in.items()} | found
