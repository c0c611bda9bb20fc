"""What the rest of the code must know of any service. It is data and contains no code."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

PUB_RELEASES = "pub"
"""The releases of the source that `BUTT_PUB_SOURCE` names."""

ACTIONS_IN_WORDS = {
    "start": "Start a bot that is stopped, or try a broken one again now.",
    "stop": "Stop a bot.",
    "restart": "Stop a bot, then start it.",
    "upgrade": "Move a bot to the newest release of its source. Nothing changes if it already runs that release.",
    "rebuild": "Build the bot's source again from scratch, and restart the bot on it.",
    "delete": "Stop the bot at once and delete it after the grace period, during which it can be restored.",
    "restore": "Undo a delete.",
}
"""What people may ask of bots, as in `butt.agents.states.Action`. The API and the command show these words."""

ALL_ACTIONS = frozenset(ACTIONS_IN_WORDS)

LONGEST_NAME = 16


class ServicePart(StrEnum):
    """Features that only some services have, on pages and in the API alike."""

    HOPS = "hops"
    """The owner chooses how far away in the follow graph the bot keeps messages."""
    LIMITS = "limits"
    """The owner bounds the disk space for what the bot keeps for others."""
    JOINING = "joining"
    """The bot joins other pubs with their invites."""


class Figure(StrEnum):
    """Current values that a bot's status page shows besides those it shows for every bot."""

    PEERS = "peers"
    MESSAGES = "messages"
    FEEDS = "feeds"
    INDEXED = "indexed"
    ATTENDANTS = "attendants"
    TUNNELS = "tunnels"
    ALIASES = "aliases"


@dataclass(frozen=True)
class Service:
    """A package provides one as an entry point of `butt.services`; the entry point's name is the name that
    programs use.

    `what` says in a few words what such a bot does, for people who choose one. `releases` names the releases
    that its bots run: `PUB_RELEASES`, or those of a source of its own, in the folder `source`. Two services
    with the same source share the name. `configuration` holds fields of a pub's configuration (`hops`) that
    the service sets.
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
