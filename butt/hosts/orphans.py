"""What is left on a host of bots that the service does not know."""

import uuid
from collections.abc import Container
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

GRAVE = ".gone-"
"""A folder is renamed to this before it is removed, so half a bot is never taken for a bot."""


@dataclass(frozen=True)
class OrphanedBot:
    """`size` is the size of its files in bytes; `what` says what there is."""

    bot_id: uuid.UUID
    what: str
    size: int


@runtime_checkable
class Sweepable(Protocol):
    """A host that can list what it has beyond the bots it is told about."""

    def orphans(self, known: Container[uuid.UUID]) -> list[OrphanedBot]:
        """Everything that is not part of the bots in `known`."""

    def remove(self, orphan: OrphanedBot) -> None:
        """Stop it if it runs, and remove all of it for good. Raises `HostTrouble`."""


def orphans_in(bots: Path, programs: Path) -> list[OrphanedBot]:
    """Every bot that has a folder, a half-removed folder, or a program here."""
    found: dict[uuid.UUID, list[tuple[str, int]]] = {}
    for path in sorted(bots.iterdir()) if bots.is_dir() else []:
        grave = path.name.startswith(GRAVE)
        if bot_id := id_of(path.name.removeprefix(GRAVE)):
            what = "a half-removed folder" if grave else "a folder"
            found.setdefault(bot_id, []).append((what, size_of(path)))
    for path in sorted(programs.glob("*.conf")):
        if bot_id := id_of(path.stem):
            found.setdefault(bot_id, []).append(("a program of supervisord", 0))
    return [
        OrphanedBot(bot_id, " and ".join(what for what, _ in things), sum(size for _, size in things))
        for bot_id, things in found.items()
    ]


def size_of(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def id_of(name: str) -> uuid.UUID | None:
    """The bot whose folder or program has this name. None for a name no bot has, including its id in another notation."""
    try:
        bot_id = uuid.UUID(name)
    except ValueError:
        return None
    return bot_id if str(bot_id) == name else None
