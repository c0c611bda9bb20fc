"""Looking at several bots: a bot that cannot be looked at does not hide the others."""

import uuid
from collections.abc import Callable, Iterable

from django.db import InterfaceError, OperationalError

from butt.hosts.interface import Sighting


def each_looked_at(
    bot_ids: Iterable[uuid.UUID], look_at: Callable[[uuid.UUID], Sighting | None]
) -> dict[uuid.UUID, Sighting | Exception]:
    """What `look_at` returns or raises for each bot. Bots for which it returns None are left out.

    Raises `OperationalError` and `InterfaceError` of the database, which then serves no other bot either.
    """
    found: dict[uuid.UUID, Sighting | Exception] = {}
    for bot_id in bot_ids:
        try:
            seen: Sighting | Exception | None = look_at(bot_id)
        except (OperationalError, InterfaceError):
            raise
        except Exception as fault:  # noqa: BLE001 - it concerns that bot alone, and is reported in its turn
            seen = fault
        if seen is not None:
            found[bot_id] = seen
    return found
