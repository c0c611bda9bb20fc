"""Exports on their way from a machine: only an expected one is accepted, once, and up to a limit."""

import shutil
import uuid
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from django.utils import timezone

from butt.configuration import configuration
from butt.machines import jobs
from butt.machines.models import Machine, Upload

NO_ROOM = "There is no room for it here now. Nothing is lost: try again later, or take its parts one by one."
RESERVE = 512 << 20
"""Bytes of the disk that exports leave free for others."""


def expect(machine: Machine, bot_id: uuid.UUID, most: int, upload_id: uuid.UUID | None = None) -> Upload:
    """From now on the machine may send this bot's export once, of up to `most` bytes. The same id means the same upload."""
    known = {"machine": machine, "bot_id": bot_id, "most": most}
    return Upload.objects.get_or_create(id=upload_id or uuid.uuid4(), defaults=known)[0]


def room() -> int:
    """How many bytes an export may have: for a moment it is here twice, packed and unpacked."""
    place = configuration().home / "uploads"
    place.mkdir(parents=True, exist_ok=True, mode=0o700)
    return max(0, (shutil.disk_usage(place).free - RESERVE) // 2)


def refuse(upload: Upload) -> None:
    """The export does not fit: whoever waits for it is told at once."""
    jobs.done(upload.id, trouble=NO_ROOM)


def came_so_far(upload_id: uuid.UUID) -> int:
    """Bytes that have arrived of an upload that is under way."""
    drafts = (configuration().home / "uploads").glob(f"{upload_id}.*.draft")
    return max((path.stat().st_size for path in drafts if path.exists()), default=0)


def forget_old(at: datetime) -> None:
    """Remove what arrived before `at` and nobody took, and unfinished uploads."""
    Upload.objects.filter(created_at__lt=at).delete()
    for path in (configuration().home / "uploads").glob("*"):
        with suppress(FileNotFoundError):
            if path.stat().st_mtime < at.timestamp():
                shutil.rmtree(path) if path.is_dir() else path.unlink()


def forget_untaken(at: datetime) -> None:
    """Remove what arrived in full before `at`: nobody waits for it any more, and the next request gets a new one."""
    for upload in Upload.objects.filter(arrived_at__lt=at):
        spooled(upload).unlink(missing_ok=True)
        upload.delete()


def forget(upload_id: uuid.UUID) -> None:
    """The upload is not expected any more, however much of it has arrived."""
    Upload.objects.filter(id=upload_id, arrived_at=None).delete()


def expected(minion_id: str, upload_id: uuid.UUID) -> Upload | None:
    """The upload that this machine still owes, if there is one."""
    return Upload.objects.filter(id=upload_id, machine__minion_id=minion_id, arrived_at=None).first()


def spooled(upload: Upload) -> Path:
    """Where the upload's bytes are once all have arrived."""
    return configuration().home / "uploads" / str(upload.id)


def arrived(upload: Upload, draft: Path) -> bool:
    """`draft` holds all of it: move it into place, once. Whether it was still expected."""
    taken = Upload.objects.filter(id=upload.id, arrived_at=None).update(
        arrived_at=timezone.now(), size=draft.stat().st_size
    )
    if taken:
        draft.replace(spooled(upload))
    return bool(taken)
