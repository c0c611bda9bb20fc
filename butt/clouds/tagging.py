"""How a resource says that it is ours, and whose. Tags where the cloud has them; names and comments where it does not."""

import contextlib
import uuid
from collections.abc import Iterable

OURS = "butt"
AGENT = "butt-agent="
ROOT = "butt-root"


def tags(agent_id: uuid.UUID) -> list[str]:
    return [OURS, f"{AGENT}{agent_id}"]


def whose(tags: Iterable[str]) -> uuid.UUID | None:
    for tag in tags:
        if tag.startswith(AGENT):
            with contextlib.suppress(ValueError):
                return uuid.UUID(tag.removeprefix(AGENT))
    return None


def name(agent_id: uuid.UUID) -> str:
    return f"{OURS}-{agent_id}"


def root_name(agent_id: uuid.UUID) -> str:
    """The root volume is made with the server: it can be named then, but tagged only once it exists."""
    return f"{OURS}-root-{agent_id}"


def root_tags(agent_id: uuid.UUID) -> list[str]:
    return [*tags(agent_id), ROOT]


def whose_root(name: str) -> uuid.UUID | None:
    with contextlib.suppress(ValueError):
        return uuid.UUID(name.removeprefix(f"{OURS}-root-")) if name.startswith(f"{OURS}-root-") else None
    return None


def comment(agent_id: uuid.UUID) -> str:
    return f"{AGENT}{agent_id}"
