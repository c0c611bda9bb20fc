"""What machines have of bots that the service does not know."""

import uuid

from django.db import transaction

from butt.hosts.interface import HostTrouble
from butt.hosts.orphans import OrphanedBot
from butt.machines.models import Machine, Placement, Tombstone

OURS = "butt-"


def orphans_on(machine: Machine) -> list[OrphanedBot]:
    """According to the machine's last report."""
    found = []
    for name in machine.strangers:
        try:
            bot_id = uuid.UUID(str(name).removeprefix(OURS))
        except ValueError:
            continue
        found.append(OrphanedBot(bot_id, f"a container or its data on {machine.minion_id}", 0))
    return list(dict.fromkeys(found))


def bury_orphan(machine: Machine, bot_id: uuid.UUID) -> None:
    """Have the machine remove it, like a bot that was deleted. Raises `HostTrouble` if it is a bot of that
    machine.
    """
    if Placement.objects.filter(machine=machine, bot_id=bot_id).exists():
        raise HostTrouble("it is a bot of that machine")
    with transaction.atomic():
        machine = Machine.objects.select_for_update().get(id=machine.id)
        machine.generation += 1
        machine.save(update_fields=["generation"])
        Tombstone.objects.update_or_create(
            machine=machine, bot_id=bot_id, defaults={"generation": machine.generation, "done_at": None}
        )


def is_being_removed(bot_id: uuid.UUID) -> bool:
    return Tombstone.objects.filter(bot_id=bot_id, done_at=None).exists()
