"""The rows that say how far each bot's copy is: written in few statements, because most bots are quiet most of the time."""

import uuid
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db.models import F
from django.db.models.functions import Greatest
from django.utils import timezone

from butt.vault.models import Vaulted
from butt.vault.writing import StoredDelta

AT_ONCE = 500
MOST_SECONDS = 10**9


class Look(NamedTuple):
    """How much of a bot's log is not in the vault, for how many seconds already, and why something is not sent."""

    behind: int = 0
    seconds: float = 0.0
    trouble: str = ""


ALL_THERE = Look()


def begin(bot_id: uuid.UUID, size: int, things: int) -> None:
    """Save what the vault's own list says."""
    Vaulted.objects.update_or_create(bot_id=bot_id, defaults={"size": size, "things": things})


def took(bot_id: uuid.UUID, change: StoredDelta) -> None:
    """Add what was stored since. What was stored again counts twice until the vault's own list is read again."""
    Vaulted.objects.filter(bot_id=bot_id).update(
        size=Greatest(F("size") + change.size, 0), things=Greatest(F("things") + change.things, 0)
    )


def looked(seen: Mapping[uuid.UUID, Look], now: datetime | None = None) -> None:
    """All these were just compared. Those whose log is complete in the vault take one statement."""
    now = now or timezone.now()
    well = [bot_id for bot_id, look in seen.items() if look == ALL_THERE]
    for bot_ids in _in_parts(well):
        Vaulted.objects.filter(bot_id__in=bot_ids).update(
            behind=0, behind_since=None, looked_at=now, trouble=""
        )
    for bot_id, look in seen.items():
        if look != ALL_THERE:
            since = (
                now - timedelta(seconds=min(max(look.seconds, 0.0), MOST_SECONDS)) if look.behind else None
            )
            Vaulted.objects.filter(bot_id=bot_id).update(
                behind=look.behind, behind_since=since, looked_at=now, trouble=look.trouble[:300]
            )


def _in_parts(bot_ids: list[uuid.UUID]) -> list[Collection[uuid.UUID]]:
    return [bot_ids[at : at + AT_ONCE] for at in range(0, len(bot_ids), AT_ONCE)]
