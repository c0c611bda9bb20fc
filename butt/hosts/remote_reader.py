"""What bots on machines keep, for code that may only read it. A row asks for it, and the machine's upload
answers.

Nothing blocks here: if something has not arrived yet, callers ask again.
"""

import errno
import shutil
import uuid
import weakref
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from django.utils import timezone

from butt.exports.bundle import DataSizes, ExportBundle, ExportPart, Item
from butt.hosts import bundles
from butt.hosts.interface import Folder
from butt.hosts.local_reader import LocalReader
from butt.hosts.reading import NotYet, Unreadable
from butt.hosts.staying import lives_here
from butt.imports.tar_filter import Rejected, TarFilter
from butt.machines import import_transfers, jobs, log_tails, uploads
from butt.machines.models import MachineJob, Placement, Upload
from butt.machines.status import machine_status_of

LOG_SECONDS, SIZES_SECONDS, EXPORT_SECONDS = 20.0, 15.0, 45.0
NOTHING = DataSizes(secret=0, gossip=0, log=0, blobs=0, blobs_size=0)
CHUNK = 1 << 20
BLOCKS = 8
"""How many times its size in a tar a small file may take on disk: a header of 512 bytes becomes a block of 4,096."""

SILENT = "Its machine is not answering. Try again in a moment."


class RemoteReader:
    """The `BotReader` of the host `salt`. `home` is the service's home folder."""

    def __init__(self, home: Path) -> None:
        self._home = home

    def log(self, bot_id: uuid.UUID, size: int) -> str:
        if lives_here(self._home, bot_id):
            return LocalReader(self._home).log(bot_id, size)
        tail = log_tails.want(bot_id)
        if tail is None:
            return ""
        if not log_tails.is_current(tail, timezone.now()):
            raise _not_yet(bot_id, LOG_SECONDS, partial(self.log, bot_id, size))
        return tail.text.encode()[-size:].decode(errors="replace")

    def sizes(self, bot_id: uuid.UUID) -> DataSizes:
        if lives_here(self._home, bot_id):
            return LocalReader(self._home).sizes(bot_id)
        if waiting := _waiting(bot_id):
            return bundles.sizes(waiting)
        job = jobs.ask(bot_id, jobs.SIZES)
        if job is None:
            return NOTHING
        return self._sizes_of(job)

    def _sizes_of(self, job: MachineJob) -> DataSizes:
        if not _is_answered(job):
            raise _not_yet(job.bot_id, SIZES_SECONDS, partial(self._sizes_of, job))
        return _sizes(job.answer)

    def export(self, bot_id: uuid.UUID, part: ExportPart) -> ExportBundle:
        if lives_here(self._home, bot_id):
            return LocalReader(self._home).export(bot_id, part)
        if waiting := _waiting(bot_id):
            return bundles.bundle(waiting, part)
        job = jobs.ask(bot_id, part.value)
        if job is None:
            raise Unreadable("It has no machine yet, so it has no data.")
        return self._export_of(job, part)

    def _export_of(self, job: MachineJob, part: ExportPart) -> ExportBundle:
        if not _is_answered(job):
            come = uploads.came_so_far(job.id) >> 20
            said = f"It is on its way from its machine, {come} MiB so far. Try again in a moment."
            raise _not_yet(job.bot_id, EXPORT_SECONDS, partial(self._export_of, job, part), said)
        upload = Upload.objects.filter(id=job.id).exclude(arrived_at=None).first()
        if upload is None or not jobs.take(job):
            raise Unreadable(SILENT)
        row = Placement.objects.filter(bot_id=job.bot_id).first()
        return _bundle(upload, part, (row and row.ssb_id) or "")


def _waiting(bot_id: uuid.UUID) -> Folder | None:
    """Where the data of a bot lies that has never run on its machine; None for any other bot."""
    is_new = Placement.objects.filter(bot_id=bot_id, tried=False).exists()
    return (
        Folder(import_transfers.place_of(bot_id)) if is_new and import_transfers.is_waiting(bot_id) else None
    )


class Spool:
    """A folder that is removed once nothing refers to this object."""

    def __init__(self, path: Path) -> None:
        self.path = path
        weakref.finalize(self, shutil.rmtree, path, ignore_errors=True)


def _bundle(upload: Upload, part: ExportPart, author: str) -> ExportBundle:
    packed = uploads.spooled(upload)
    spool = Spool(packed.with_name(f"{packed.name}.read"))
    try:
        unpack(packed, spool.path / "data")
    except (OSError, Rejected) as error:
        if _is_for_want_of_room(error):
            raise Unreadable(uploads.NO_ROOM) from error
        raise Unreadable("We could not read what its machine sent. Try again.") from error
    finally:
        packed.unlink(missing_ok=True)
    made = bundles.bundle(Folder(spool.path), part, author)
    return ExportBundle(
        _held(made.items, spool),
        made.count,
        made.size,
        made.tar_size,
        made.survey,
        made.author,
        made.blobs,
        made.blobs_size,
    )


def _is_for_want_of_room(error: OSError | Rejected) -> bool:
    if isinstance(error, Rejected):
        return error.code == "too_big"
    return error.errno in (errno.ENOSPC, errno.EDQUOT)


def _held(items: Any, spool: Spool) -> Iterator[Item]:
    for item in items:
        yield Item(item.name, item.size, partial(_read, item, spool))


def _read(item: Item, spool: Spool) -> Iterator[bytes]:
    """Open the item at once, because `FileGone` must be raised before the first byte."""
    chunks = item.read()

    def flowing(spool: Spool) -> Iterator[bytes]:
        yield from chunks
        del spool

    return flowing(spool)


def unpack(packed: Path, folder: Path, *, move: bool = False) -> None:
    """Unpack what a machine sent. A machine belongs to a person and may send anything, so its tar passes the
    same filter as tars from strangers.

    Writes no more bytes than arrived, and keeps `uploads.RESERVE` free on the disk. Raises `Rejected`, and
    OSError of the disk.
    """
    folder.mkdir(parents=True, mode=0o700)
    most = min(packed.stat().st_size * BLOCKS, shutil.disk_usage(folder).free - uploads.RESERVE)
    tar_filter = TarFilter(folder, max(0, most), needed=frozenset(), strict=True, move=move)
    try:
        with packed.open("rb") as file:
            while chunk := file.read(CHUNK):
                tar_filter.feed(chunk)
        tar_filter.finish()
    finally:
        tar_filter.close()


def _is_answered(job: MachineJob) -> bool:
    """Whether the job has a current answer. Raises `Unreadable` if the answer is an error."""
    try:
        job.refresh_from_db()
    except MachineJob.DoesNotExist:
        raise Unreadable(SILENT) from None
    if job.done_at and job.trouble:
        raise Unreadable(job.trouble)
    return job.done_at is not None


def _not_yet(bot_id: uuid.UUID, patience: float, ask: Callable[[], Any], said: str = SILENT) -> Unreadable:
    """`Unreadable` if the machine is known to be silent, so that callers do not wait for it; else
    `NotYet`.
    """
    look = machine_status_of(bot_id)
    if look and look.seen_at and look.is_silent:
        return Unreadable(SILENT)
    return NotYet(said, patience, ask)


def _sizes(answer: Any) -> DataSizes:
    given = answer if isinstance(answer, dict) else {}
    sizes = {name: size for name, size in given.items() if isinstance(size, int) and 0 <= size < 1 << 62}
    if sizes.keys() != asdict(NOTHING).keys():
        raise Unreadable("Its machine sent an answer that we do not understand. Try again.")
    return DataSizes(**sizes)
