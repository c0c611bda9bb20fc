"""How a bot's machine is, as its owner sees it."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from butt.machines.models import Machine

SILENT = timedelta(minutes=3)
"""How old a machine's last report may be before nothing is known about it and its bots."""

LOW = 0.1
"""With a smaller part of a disk free than this, it is nearly full."""


@dataclass(frozen=True)
class MachineStatus:
    """Sizes in bytes, None if the machine did not report them."""

    seen_at: datetime | None
    disk_free: int | None
    disk: int | None
    memory_free: int | None
    load: float | None
    kills: int
    restarts: int
    docker: str

    @property
    def is_silent(self) -> bool:
        return self.seen_at is None or self.seen_at < timezone.now() - SILENT

    @property
    def is_nearly_full(self) -> bool:
        return bool(self.disk) and self.disk_free is not None and self.disk_free < LOW * (self.disk or 0)


def status_of(machine: Machine) -> MachineStatus:
    facts = machine.facts
    return MachineStatus(
        machine.seen_at,
        facts.get("diskFree"),
        facts.get("diskTotal"),
        facts.get("memoryFree"),
        facts.get("load"),
        facts.get("outOfMemoryKills", 0),
        facts.get("restarts", 0),
        facts.get("docker", ""),
    )


def machine_status_of(bot_id: uuid.UUID) -> MachineStatus | None:
    """None for a bot without such a machine."""
    found = Machine.objects.filter(placements__bot_id=bot_id).first()
    return status_of(found) if found else None
