"""Carries the data of bots that are being moved: it is brought here and checked before it settles elsewhere.

The row is the work. The carrier that works on it holds a file lock, which the kernel releases however that
process ends. Nothing waits here: data that is still on its way from a machine is looked at again in the next
round.
"""

import errno
import fcntl
import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.db import transaction

from butt.exports.bundle import FileGone
from butt.hosts import bundles
from butt.hosts.interface import Folder, HostTrouble
from butt.hosts.pub_state import sequence_in
from butt.hosts.remote_reader import unpack
from butt.hosts.salt.carried import HERE, staging_of
from butt.hosts.salt.here import LocalBots
from butt.hosts.salt.moving import waits_for_its_machine
from butt.hosts.salt.orders import bury_on
from butt.imports.tar_filter import Rejected
from butt.machines import import_transfers, jobs, uploads
from butt.machines.models import Machine, MachineJob, OldCopy, Placement, Tombstone, Transfer, Upload
from butt.rounds import GoOn, rounds
from butt.waking.listening import listening
from scuttlekit import KeyPair, ScuttlebuttError
from scuttlekit.data_folder import LOG
from scuttlekit.files import sync
from scuttlekit.offsetlog import survey

log = logging.getLogger("butt.hosts.salt")

TICK, SELDOM, AFTER_TROUBLE = 0.25, 5.0, 3.0
MOST_AT_ONCE = 20
TRIES = 3
NO_ROOM = "the control plane has no room for its data, which passes through it."


class Uncarried(Exception):
    """The data cannot be carried; the text says why."""


class Carrier:
    def __init__(self, here: LocalBots) -> None:
        self._here = here

    def run(self, go_on: GoOn) -> None:
        """Run rounds for as long as `go_on()` is true."""
        with listening(Transfer, MachineJob, Upload) as written:
            rounds(self.round, go_on, log, AFTER_TROUBLE, written.wait)

    def round(self) -> float:
        """Take one step with each transfer that no other carrier works on."""
        open_ones = Transfer.objects.filter(state__in=(Transfer.State.ASKED, Transfer.State.COME))
        some = list(open_ones.select_related("bot__progress").order_by("created_at")[:MOST_AT_ONCE])
        for transfer in some:
            with _held(transfer) as mine:
                if mine:
                    self._step(transfer)
        return TICK if some else SELDOM

    def _step(self, transfer: Transfer) -> None:
        try:
            if transfer.state == Transfer.State.ASKED:
                self._bring(transfer)
            else:
                self._clear(transfer)
        except Uncarried as why:
            _note(transfer, state=Transfer.State.FAILED, words=str(why)[:300])
        except HostTrouble as trouble:
            _note(transfer, words=str(trouble)[:300])
        except OSError as error:
            log.warning("%s cannot be carried: %s", transfer.bot.name, error)
            full = error.errno in (errno.ENOSPC, errno.EDQUOT)
            words = (
                NO_ROOM
                if full
                else f"its data cannot be written: {(error.strerror or 'unknown error').lower()}."
            )
            _note(transfer, state=Transfer.State.FAILED, words=words)

    def _bring(self, transfer: Transfer) -> None:
        """Bring the bot's data here, whole and checked. Data that already waits here is only checked."""
        row = Placement.objects.filter(bot_id=transfer.bot_id).first()
        staging = staging_of(transfer.bot_id)
        if waits_for_its_machine(row):
            sequence = _checked(Folder(import_transfers.place_of(transfer.bot_id)), transfer)
        elif row is None:
            _refuse_without_room(self._here.folder(transfer.bot_id))
            _copy(self._here.folder(transfer.bot_id), _fresh(staging))
            sequence = _checked(Folder(staging), transfer)
        elif not self._has_come(transfer, row):
            return
        else:
            sequence = _checked(Folder(staging), transfer)
        _note(transfer, state=Transfer.State.COME, sequence=sequence, words="")

    def _has_come(self, transfer: Transfer, row: Placement) -> bool:
        """Whether what the machine was asked for has arrived and is unpacked in its place."""
        job = MachineJob.objects.filter(id=transfer.job).first() if transfer.job else None
        upload = Upload.objects.filter(id=job.id).exclude(arrived_at=None).first() if job else None
        if job is None or jobs.is_lost(job) or (job.done_at and (job.trouble or not upload)):
            if transfer.tries >= TRIES:
                raise Uncarried((job and job.trouble) or "its machine did not send it.")
            asked = jobs.ask_anew(row, jobs.MOVE)
            _note(transfer, job=asked.id, tries=transfer.tries + 1)
            return False
        if not job.done_at or upload is None:
            _note(transfer, words=f"{uploads.came_so_far(job.id) >> 20} MiB of its data have arrived.")
            return False
        packed = uploads.spooled(upload)
        try:
            unpack(packed, _fresh(staging_of(transfer.bot_id)), move=True)
        except FileNotFoundError:
            # The upload was removed before it was read: ask the machine again.
            _note(transfer, job=None)
            return False
        except Rejected as no:
            raise Uncarried(
                NO_ROOM if no.code == "too_big" else f"what its machine sent is not the data of a pub: {no}"
            ) from no
        packed.unlink(missing_ok=True)
        return True

    def _clear(self, transfer: Transfer) -> None:
        """The bot's newest data is here and whole, so what an earlier stay left at its new place is
        removed.
        """
        bot_id, row = transfer.bot_id, Placement.objects.filter(bot_id=transfer.bot_id).first()
        if not waits_for_its_machine(row):
            import_transfers.forget(bot_id)
        if transfer.to == HERE:
            self._here.processes.destroy(bot_id)
            OldCopy.objects.filter(bot_id=bot_id, machine=None).delete()
        else:
            machine = Machine.objects.filter(minion_id=transfer.to).first()
            if machine is None:
                raise Uncarried(f"{transfer.to} no longer exists.")
            if not _is_clear(machine, transfer):
                return
        _note(transfer, state=Transfer.State.READY)


def _is_clear(machine: Machine, transfer: Transfer) -> bool:
    """Whether nothing of the bot is left on this machine. What it left there is ordered to be removed."""
    bot_id = transfer.bot_id
    copy = OldCopy.objects.filter(bot_id=bot_id, machine=machine)
    if copy.exists():
        with transaction.atomic():
            bury_on(machine.id, bot_id)
            copy.delete()
    if Tombstone.objects.filter(machine=machine, bot_id=bot_id, done_at=None).exists():
        _note(transfer, words=f"{machine.minion_id} removes an earlier copy of it first.")
        return False
    if any(str(bot_id) in str(name) for name in machine.strangers):
        raise Uncarried(f"{machine.minion_id} has unknown data of it. Remove the volume butt-{bot_id} there.")
    return True


def _checked(folder: Folder, transfer: Transfer) -> int:
    """How many messages of its own this data holds. Raises `Uncarried` if it is damaged or another bot's."""
    path = folder.data / LOG
    try:
        keys = KeyPair.load(folder.secret)
    except (OSError, ScuttlebuttError):
        raise Uncarried("its secret cannot be read.") from None
    if keys.id != transfer.bot.progress.ssb_id:
        raise Uncarried("the secret that came is another bot's.")
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    with path.open("r+b", buffering=0) as file:
        found = survey(file, file.seek(0, os.SEEK_END), keys.id)
        if found.damaged:
            raise Uncarried(f"its log is damaged at byte {found.whole}.")
        file.truncate(found.whole)
    noted = sequence_in(folder)
    if found.sequence < noted:
        raise Uncarried(
            f"its log ends at its own message {found.sequence}, but it noted that it had published {noted}."
        )
    folder.secret.chmod(0o400)
    for each in (folder.secret, path, folder.data):
        sync(each)
    return found.sequence


def _copy(source: Folder, data: Path) -> None:
    """Copy the data as an export does, without following links."""
    data.mkdir(parents=True, mode=0o700)
    for item in bundles.moving(source).items:
        try:
            chunks = item.read()
        except FileGone:
            continue
        path = data / item.name
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with path.open("xb") as file:
            file.writelines(chunks)


def _fresh(staging: Path) -> Path:
    """The path of its new data folder, which does not exist yet."""
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True, mode=0o700)
    return staging / "data"


def _refuse_without_room(folder: Folder) -> None:
    sizes = bundles.sizes(folder)
    if shutil.disk_usage(folder.path).free - uploads.RESERVE < sizes.log + sizes.blobs_size:
        raise Uncarried(NO_ROOM)


def _note(transfer: Transfer, **fields: object) -> None:
    """Changes only the row of this move: another move may have been asked for meanwhile."""
    for name, value in fields.items():
        setattr(transfer, name, value)
    Transfer.objects.filter(bot_id=transfer.bot_id, move=transfer.move).update(**fields)


@contextmanager
def _held(transfer: Transfer) -> Iterator[bool]:
    """Lock the transfer; false if another carrier holds it."""
    place = staging_of(transfer.bot_id).parent
    place.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (place / f".{transfer.bot_id}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        # It may have been done, or forgotten, just before we got the lock.
        same = Transfer.objects.filter(bot_id=transfer.bot_id, move=transfer.move, state=transfer.state)
        yield same.exists()
