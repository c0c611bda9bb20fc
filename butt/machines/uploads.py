"""Exports on their way from a machine: only one that is expected is taken, once, and bounded."""

import uuid
from pathlib import Path

from django.utils import timezone

from butt.configuration import configuration
from butt.machines.models import Machine, Upload


def expect(machine: Machine, bot_id: uuid.UUID, most: int) -> Upload:
    """From now on the machine may send this bot's export once, of up to `most` bytes."""
    return Upload.objects.create(machine=machine, bot_id=bot_id, most=most)


def expected(minion_id: str, upload_id: uuid.UUID) -> Upload | None:
    """The upload that this machine still owes, if it does."""
    return Upload.objects.filter(id=upload_id, machine__minion_id=minion_id, arrived_at=None).first()


def spooled(upload: Upload) -> Path:
    """Where its bytes lie once they have all arrived."""
    return configuration().home / "uploads" / str(upload.id)


def arrived(upload: Upload, draft: Path) -> bool:
    """`draft` holds all of it: put it in its place, once. Whether it was still expected."""
    taken = Upload.objects.filter(id=upload.id, arrived_at=None).update(
        arrived_at=timezone.now(), size=draft.stat().st_size
    )
    if taken:
        draft.replace(spooled(upload))
    return bool(taken)
