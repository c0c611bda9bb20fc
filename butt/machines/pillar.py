"""What one machine is told: everything it should run, or nothing at all."""

from typing import Any

from django.db.models import Exists, OuterRef

from butt.configuration import configuration
from butt.machines.models import Machine, OldCopy, Tombstone
from butt.services.pub_config import pub_config

SCHEMA = 1
MOST_BOTS = 1000


class InDoubt(Exception):
    """The rows do not say for sure what the machine should run; nobody may act on them now."""


def pillar_of(minion_id: str) -> dict[str, Any]:
    """`{"butt": {schema, agent, generation, complete, bots, deleted, server?, vault?}}`; `server` is the private server's
    address, `vault` says that the data of its bots is to be sent there.

    Raises `Machine.DoesNotExist`, and `InDoubt`. It holds no secret: a bot makes its own key where it runs.
    """
    # Usually one statement: machines ask often and there may be very many of them.
    rows = list(_ROWS.filter(minion_id=minion_id)[: MOST_BOTS + 1])
    if not rows:
        raise Machine.DoesNotExist
    (generation, is_doomed, has_old, *_), bases = rows[0], configuration().base_images
    bots = {str(row[4]): _bot(*row[5:], bases=bases) for row in rows if row[4] and not row[3]}
    if has_old:
        bots |= _old_copies(minion_id, generation, bases)
    deleted = _deleted(minion_id, generation) if is_doomed else []
    if len(bots) > MOST_BOTS or len(deleted) > MOST_BOTS:
        raise InDoubt(f"no machine runs more than {MOST_BOTS} bots")
    if bots.keys() & set(deleted):
        raise InDoubt("a bot should both run and be removed")
    return {
        "butt": {
            "schema": SCHEMA,
            "agent": minion_id,
            "generation": generation,
            "complete": True,
            "bots": bots,
            "deleted": deleted,
            **_server(),
            **({"vault": True} if configuration().vault else {}),
        }
    }


def _server() -> dict[str, str]:
    """Where the machine reports from now on: its own configuration has the address from the day it joined."""
    settings = configuration()
    return {"server": settings.private_server} if settings.salt == "master" and settings.private_url else {}


def _old_copies(minion_id: str, generation: int, bases: dict[str, str]) -> dict[str, Any]:
    """What bots that were moved away left here: it must not run, whatever starts it."""
    copies = OldCopy.objects.filter(machine__minion_id=minion_id, bot__unconfirmed=None).exclude(order={})
    copies = copies[: MOST_BOTS + 1]
    found = {str(copy.bot_id): _bot(False, copy.launch, copy.order, bases=bases) for copy in copies}
    _check_unchanged(minion_id, generation)
    return found


def _deleted(minion_id: str, generation: int) -> list[str]:
    tombstones = Tombstone.objects.filter(machine__minion_id=minion_id, done_at=None).order_by("at", "id")
    found = [str(bot_id) for bot_id in tombstones.values_list("bot_id", flat=True)[: MOST_BOTS + 1]]
    _check_unchanged(minion_id, generation)
    return found


def _check_unchanged(minion_id: str, generation: int) -> None:
    """Orders and generation are written together: the same generation before and after means that all of it is consistent."""
    if Machine.objects.values_list("generation", flat=True).get(minion_id=minion_id) != generation:
        raise InDoubt("the orders changed while they were read")


def _bot(run: bool, launch: int, order: dict[str, Any], *, bases: dict[str, str]) -> dict[str, Any]:
    orders = {"run": run, "launch": launch, **order, "bases": bases}
    return {**orders, "config": pub_config(orders)} if order else orders


_ROWS = (
    Machine.objects.annotate(
        is_doomed=Exists(Tombstone.objects.filter(machine=OuterRef("pk"), done_at=None)),
        has_old=Exists(OldCopy.objects.filter(machine=OuterRef("pk"))),
    )
    .order_by("placements__bot_id")
    .values_list(
        "generation",
        "is_doomed",
        "has_old",
        # While a bot waits to be confirmed after a restore, its machine is told nothing about it and leaves it as it is.
        "placements__bot__unconfirmed__bot_id",
        "placements__bot_id",
        "placements__run",
        "placements__launch",
        "placements__order",
    )
)
