"""The services of the installed packages."""

import functools
from collections.abc import Mapping

from butt.parts import SERVICES, part_named, parts_of
from butt.services.interface import Service

USUAL = "pub"
"""The service of a bot if nobody chose one."""

GONE = Service(what="goes on with the code that it has", figures=(), parts=frozenset())
"""A bot whose service was uninstalled goes on with the code it has."""


@functools.cache
def services() -> Mapping[str, Service]:
    """All services by name, the usual one first. Raises `UnknownPart` if two packages provide the same name."""
    names = sorted({entry.name for entry in parts_of(SERVICES)}, key=lambda name: (name != USUAL, name))
    return {name: part_named(SERVICES, name).load() for name in names}


def service_named(name: str) -> Service:
    """The service of an existing bot."""
    return services().get(name, GONE)
