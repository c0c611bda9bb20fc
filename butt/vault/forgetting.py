"""Removing the vault's copies of bots that are gone, and finding copies of unknown bots."""

import uuid
from collections.abc import Container, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

import obstore

from butt.agents import journal
from butt.agents.models import Agent
from butt.configuration import configuration
from butt.storage import Store, store_at
from butt.vault import VaultAway
from butt.vault.models import Vaulted
from butt.vault.names import prefix
from butt.vault.writing import reaching, things_of

AT_ONCE = 500
"""How many things one step removes, so that other chores get their turn."""

SETTLED = timedelta(hours=1)
"""How long a bot must be gone before its copy is removed: by then whatever was on its way has arrived."""


@dataclass(frozen=True)
class OrphanedCopy:
    """What the vault has of an unknown bot; `size` is in bytes."""

    bot_id: uuid.UUID
    things: int
    size: int


def forget(now: datetime) -> bool:
    """Remove part of the copy of one bot that is gone; whether there may be more to do.

    Only bots that are recorded as gone: what is missing from the rows must not be removed for that reason.
    """
    if not configuration().vault:
        return False
    before = now - max(timedelta(days=configuration().vault_keep_days), SETTLED)
    copy = Vaulted.objects.filter(gone_at__lte=before).order_by("gone_at").first()
    if copy is None or Agent.objects.filter(id=copy.bot_id).exists():
        return False
    try:
        removed = remove_some(store_at(configuration().vault), copy.bot_id)
    except VaultAway as away:
        Vaulted.objects.filter(bot_id=copy.bot_id).update(trouble=f"It cannot be removed: {away}"[:300])
        return False
    if not removed:
        journal.note_on(copy.bot_id, "", "vault", "vault forgotten", things=copy.things)
        copy.delete()
    return True


def remove_some(store: Store, bot_id: uuid.UUID) -> int:
    """How many things of the bot were removed; 0 if nothing is left of it. Raises `VaultAway`."""
    names = [name for name, _ in islice(things_of_safely(store, bot_id), AT_ONCE)]
    with reaching():
        if names:
            obstore.delete(store, [f"{prefix(bot_id)}/{name}" for name in names])
    return len(names)


def things_of_safely(store: Store, bot_id: uuid.UUID) -> Iterator[tuple[str, int]]:
    with reaching():
        yield from things_of(store, bot_id)


def left(store: Store, known: Container[uuid.UUID]) -> list[OrphanedCopy]:
    """What the vault has of each bot that is not in `known`. Raises `VaultAway`."""
    with reaching():
        found = obstore.list_with_delimiter(store, prefix="bots")["common_prefixes"]
    names = [str(path).rstrip("/").rpartition("/")[2] for path in found]
    strange = [bot_id for name in names if (bot_id := _id_of(name)) and bot_id not in known]
    all_left = []
    for bot_id in strange:
        things = list(things_of_safely(store, bot_id))
        if things:
            all_left.append(OrphanedCopy(bot_id, len(things), sum(size for _, size in things)))
    return all_left


def _id_of(name: str) -> uuid.UUID | None:
    try:
        bot_id = uuid.UUID(name)
    except ValueError:
        return None
    return bot_id if str(bot_id) == name else None
