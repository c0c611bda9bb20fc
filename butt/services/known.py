"""The services that packages bring."""

import functools
from collections.abc import Mapping

from butt.parts import SERVICES, part_named, parts_of
from butt.services.interface import Service

USUAL = "pub"
"""What a bot is for where nobody chose."""

GONE = Service(what="nobody knows: no package brings this service any more", figures=(), parts=frozenset())
"""A bot whose service was uninstalled goes on with the code that it has."""


@functools.cache
def services() -> Mapping[str, Service]:
    """All services by their names, the usual one first. Raises `UnknownPart` when two packages bring one of a name."""
    names = sorted({entry.name for entry in parts_of(SERVICES)}, key=lambda name: (name != USUAL, name))
    return {name: part_named(SERVICES, name).load() for name in names}


def service_named(name: str) -> Service:
    """The service of a bot that is already there."""
    return services().get(name, GONE)
