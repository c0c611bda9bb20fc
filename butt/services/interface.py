"""What the house must know of a service, whichever it is. It is data: nothing of it runs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

PUB_RELEASES = "pub"
"""The releases of the source that `BUTT_PUB_SOURCE` names."""

ALL_ACTIONS = frozenset({"start", "stop", "restart", "upgrade", "rebuild", "delete", "restore"})
"""What people may ask of bots, as `butt.agents.states.Action` has it."""

LONGEST_NAME = 16


class ServicePart(StrEnum):
    """What only some services have, on pages and in the API alike."""

    HOPS = "hops"
    """How far in the follow graph a bot keeps messages is chosen by its owner."""
    LIMITS = "limits"
    """What a bot keeps for others takes room on the disk, which its owner bounds."""
    JOINING = "joining"
    """A bot joins other pubs by their invites."""


class Figure(StrEnum):
    """What the page of a bot's status says of now, beside what it says of every bot."""

    PEERS = "peers"
    MESSAGES = "messages"
    FEEDS = "feeds"
    INDEXED = "indexed"
    ATTENDANTS = "attendants"
    TUNNELS = "tunnels"


@dataclass(frozen=True)
class Service:
    """A package brings one as an entry point of `butt.services`; the entry point's name is what programs call it by.

    `what` tells in a few words what such a bot does, for who chooses one. `releases` names the releases that its bots run:
    `PUB_RELEASES`, or those of a source of its own, which is the folder `source`. Two services with the same source share
    the name. `configuration` are fields of a pub's configuration (`hops`) that are the service's own.
    """

    what: str
    figures: tuple[Figure, ...]
    parts: frozenset[ServicePart]
    releases: str = PUB_RELEASES
    source: Path | None = None
    configuration: Mapping[str, int] = field(default_factory=dict)
    actions: frozenset[str] = ALL_ACTIONS

    def __post_init__(self) -> None:
        if (self.source is None) != (self.releases == PUB_RELEASES):
            raise ValueError(
                "A service has the releases of the pub, or a source of its own, named by `releases`."
            )
        if unknown := self.configuration.keys() - {"hops"}:
            raise ValueError(
                f"A service cannot set {', '.join(sorted(unknown))} in the configuration of a bot."
            )
        if wrong := self.actions - ALL_ACTIONS:
            raise ValueError(f"There is no action {', '.join(sorted(wrong))}.")
