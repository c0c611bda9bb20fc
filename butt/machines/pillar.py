"""What one machine is told: everything it is to run, or nothing at all."""

from typing import Any

from butt.configuration import configuration
from butt.machines.models import Machine, Placement

SCHEMA = 1
MOST_BOTS = 1000


class InDoubt(Exception):
    """The rows do not say for sure what the machine is to run; nobody must act on them now."""


def pillar_of(minion_id: str) -> dict[str, Any]:
    """`{"butt": {schema, agent, generation, complete, bots, deleted}}`.

    Raises `Machine.DoesNotExist`, and `InDoubt`. There is no secret in it: a bot makes its own key where it lives.
    """
    machine = Machine.objects.get(minion_id=minion_id)
    bots = {str(row.bot_id): _bot(row) for row in machine.placements.order_by("bot_id")[: MOST_BOTS + 1]}
    deleted = [str(gone) for gone in _deleted(machine)]
    # Orders and generation are written together: the same generation before and after means that all belongs together.
    if Machine.objects.values_list("generation", flat=True).get(id=machine.id) != machine.generation:
        raise InDoubt("the orders changed while they were read")
    if len(bots) > MOST_BOTS or len(deleted) > MOST_BOTS:
        raise InDoubt(f"no machine runs more than {MOST_BOTS} bots")
    if bots.keys() & set(deleted):
        raise InDoubt("a bot is to run and to be removed")
    return {
        "butt": {
            "schema": SCHEMA,
            "agent": minion_id,
            "generation": machine.generation,
            "complete": True,
            "bots": bots,
            "deleted": deleted,
        }
    }


def _deleted(machine: Machine) -> list[Any]:
    rows = machine.tombstones.filter(done_at=None).order_by("at", "id")
    return list(rows.values_list("bot_id", flat=True)[: MOST_BOTS + 1])


def _bot(row: Placement) -> dict[str, Any]:
    return {"run": row.run, "launch": row.launch, **row.order, "base": configuration().node_image}
