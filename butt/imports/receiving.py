"""Receiving a pub: its tar goes through the tar filter into a draft, is checked as a whole, and only then becomes a bot.

`HOME/imports/ID.draft` is being filled, `HOME/imports/ID` is checked. Whoever works in one holds a lock on it, which ends with
the process. So a folder that nobody holds was left by a killed process, and `sweep` removes it.
"""

import errno
import fcntl
import json
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from django.db import IntegrityError, transaction

from butt.agents import journal
from butt.agents.actions import (
    Refused,
    check_bot_name,
    check_may_have_another,
    clean_network,
    create_bot,
)
from butt.agents.models import Agent, JournalEntry, Observed, Progress
from butt.configuration import configuration
from butt.imports.addresses import filter_addresses
from butt.imports.aliases import filter_aliases
from butt.imports.models import Import
from butt.imports.placing import folder_of
from butt.imports.tar_filter import EXPORT, Rejected, TarFilter, too_big
from butt.services.known import USUAL, services
from scuttlekit import KeyPair, ScuttlebuttError
from scuttlekit.data_folder import ALIASES, GOSSIP, LOG, SECRET
from scuttlekit.files import sync
from scuttlekit.network_keys import MAIN
from scuttlekit.offsetlog import Survey, survey

RESERVE = 64 << 20
"""Bytes of the disk that an import leaves free for others."""

FORK = (
    "The old pub is stopped, and will never be started again: two pubs that write one feed fork it for ever, and no "
    "app can repair that."
)


class Receiving:
    """`with Receiving(…) as it`: pass the tar's bytes to `it.feed`, then `it.bot()` makes a bot of them. Otherwise nothing
    stays.
    """

    def __init__(self, person: Agent, name: str, *, stopped: bool, network: str = "", size: int = 0) -> None:
        """`size` is the announced number of bytes; with an empty `network` the export's own is used, else the main one.

        Raises `Refused`, before anything is received.
        """
        self._person = person
        self._name = check_bot_name(name)
        self._network = clean_network(network) if network else ""
        if not stopped:
            raise Refused("not_stopped", "Confirm first that the old pub is stopped for good.", "stopped")
        check_may_have_another(person)
        self._most = round(configuration().import_gib * (1 << 30))
        if size > self._most:
            raise _refused(too_big(self._most))
        self._size = size
        self.left_out = 0
        """How many addresses of peers could not be used. A pub finds new ones, so this is no reason to refuse it."""

    def __enter__(self) -> Self:
        sweep()
        self._row = Import(person=self._person)
        self._place = folder_of(self._row.id)
        self._draft = self._place.with_name(f"{self._place.name}.draft")
        self._lock = -1
        try:
            with _of_the_disk(), _alone():
                self._draft.mkdir(mode=0o700)
                self._lock = os.open(self._draft, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
                fcntl.flock(self._lock, fcntl.LOCK_EX)
                with transaction.atomic():
                    self._row.save(force_insert=True)
            free = shutil.disk_usage(self._draft).free - RESERVE
            _check_room(self._size, free)
            self._filter = TarFilter(self._draft, min(self._most, max(0, free)))
            self._is_tight = free < self._most
        except IntegrityError:
            self._clean()
            raise Refused(
                "import_under_way", "Another import of yours is running. Wait until it ends."
            ) from None
        except BaseException:
            self._clean()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._filter.close()
        self._clean()

    def feed(self, data: bytes | bytearray) -> None:
        """Raises `Refused`: `bad_archive`, `too_big`, `disk_full`."""
        with _of_the_disk():
            try:
                self._filter.feed(data)
            except Rejected as no:
                if no.code == "too_big" and self._is_tight:
                    raise Refused("disk_full", _NO_ROOM) from None
                raise _refused(no) from None

    def bot(self) -> Agent:
        """The bot that the data became. Raises `Refused`: as `feed`, and for what the checks find."""
        try:
            self._filter.finish()
        except Rejected as no:
            raise _refused(no) from None
        with _of_the_disk():
            keys, found, network, service = self._checked()
            self._settle()
        remembered = _remembered(keys.id)
        try:
            with transaction.atomic():
                bot = create_bot(self._person, self._name, service=service, network=network)
                Progress.objects.filter(bot=bot).update(ssb_id=keys.id)
                Observed.objects.filter(bot=bot).update(
                    sequence=max(found.sequence, remembered), catching_up=True
                )
                journal.note(
                    bot,
                    self._person,
                    "import",
                    ssb_id=keys.id,
                    sequence=found.sequence,
                    left_out=self.left_out,
                )
                # The last statement: the steward finds all of it or nothing.
                Import.objects.filter(id=self._row.id).update(bot=bot, state=Import.State.PLACING)
        except IntegrityError:
            raise _is_here() from None
        bot.progress.refresh_from_db()
        bot.observed.refresh_from_db()
        return bot

    def _checked(self) -> tuple[KeyPair, Survey, str, str]:
        try:
            keys = KeyPair.load(self._draft / SECRET)
        except ScuttlebuttError as error:
            raise Refused("secret_damaged", f"Its secret cannot be used: {error}.") from None
        if Progress.objects.filter(ssb_id=keys.id).exists():
            raise _is_here()
        described = _json_in(self._draft / EXPORT)
        if isinstance(described, dict) and described.get("id", keys.id) != keys.id:
            raise _misfit()
        network = self._network_of(described)
        self.left_out = filter_addresses(self._draft / GOSSIP)
        filter_aliases(self._draft / ALIASES, keys.id)
        with (self._draft / LOG).open("r+b", buffering=0) as log:
            size = log.seek(0, os.SEEK_END)
            found = survey(log, size, keys.id)
            if found.damaged:
                raise Refused(
                    "log_damaged", f"Its log is damaged after message {found.records}, at byte {found.whole}."
                )
            if size and not found.records:
                raise Refused("log_damaged", "Its log contains no readable message.")
            log.truncate(found.whole)
        own_is_empty = isinstance(described, dict) and described.get("sequence") == 0
        if found.records and not found.sequence and not own_is_empty:
            raise _misfit()
        return keys, found, network, _service_of(described)

    def _network_of(self, described: Any) -> str:
        """Its network, as the person or the export says. An identity stays in the network that it was made in."""
        said = described.get("network") if isinstance(described, dict) else None
        if said is None:
            return self._network or MAIN
        try:
            exported = clean_network(said if isinstance(said, str) else "")
        except Refused:
            raise Refused("bad_archive", f"Its {EXPORT} names a network that is not valid.") from None
        if self._network not in ("", exported):
            raise Refused(
                "bad_network",
                f"Its export says that its network is {exported}. Choose that one, or let the export decide.",
                "network",
            )
        return exported

    def _settle(self) -> None:
        """Flush it to disk, then give it its own name."""
        (self._draft / EXPORT).unlink(missing_ok=True)
        (self._draft / SECRET).chmod(0o400)
        # All files of the machine at once: thousands of blobs one by one would take much longer.
        os.sync()
        self._draft.rename(self._place)
        sync(self._place.parent)

    def _clean(self) -> None:
        """Remove what did not become a bot."""
        mine = Import.objects.filter(id=self._row.id)
        if not mine.exclude(state=Import.State.UPLOADING).exists():
            shutil.rmtree(self._draft, ignore_errors=True)
            shutil.rmtree(self._place, ignore_errors=True)
            mine.delete()
        if self._lock >= 0:
            os.close(self._lock)


def _service_of(described: Any) -> str:
    """The service the bot had, as its export says; if we do not offer it, the bot becomes a pub."""
    said = described.get("service") if isinstance(described, dict) else None
    return said if isinstance(said, str) and said in services() else USUAL


def sweep() -> None:
    """Remove what killed imports left: their folders, and the rows that block their people."""
    with _of_the_disk(), _alone():
        for row in Import.objects.filter(state=Import.State.UPLOADING):
            with _unheld(folder_of(row.id)) as free:
                if free:
                    Import.objects.filter(id=row.id, state=Import.State.UPLOADING).delete()
        for path in list((configuration().home / "imports").iterdir()):
            with suppress(ValueError):
                _remove_if_left(path, uuid.UUID(path.name.removesuffix(".draft")))


def _remove_if_left(path: Path, import_id: uuid.UUID) -> None:
    with _unheld(folder_of(import_id)) as free:
        if free and not Import.objects.filter(id=import_id, state=Import.State.PLACING).exists():
            shutil.rmtree(path, ignore_errors=True)


_NO_ROOM = "There is no room for it right now. Nothing was kept. Try again later."


@contextmanager
def _alone() -> Iterator[None]:
    """Nobody else sweeps or begins an import meanwhile: a draft is never seen before it is locked."""
    place = configuration().home / "imports"
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (place / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def _unheld(place: Path) -> Iterator[bool]:
    """Whether nobody works on it; it is locked by us for the length of the block."""
    held = []
    try:
        for path in (place, place.with_name(f"{place.name}.draft")):
            with suppress(FileNotFoundError):
                held.append(os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))
                fcntl.flock(held[-1], fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield True
    except BlockingIOError:
        yield False
    finally:
        for number in held:
            os.close(number)


@contextmanager
def _of_the_disk() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise Refused("disk_full", _NO_ROOM) from error
        raise


def _remembered(ssb_id: str) -> int:
    """The highest sequence seen of this identity while it was a bot here, before its data was removed."""
    gone = JournalEntry.objects.filter(what="gone", detail__ssb_id=ssb_id)
    return max((int(entry.detail.get("sequence", 0)) for entry in gone[:1000]), default=0)


def _check_room(size: int, free: int) -> None:
    if size > free:
        raise Refused("disk_full", _NO_ROOM)


def _json_in(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except (ValueError, RecursionError):
        raise Refused("bad_archive", f"Its {path.name} cannot be read.") from None


def _refused(no: Rejected) -> Refused:
    return Refused(no.code, str(no))


def _is_here() -> Refused:
    return Refused("already_here", "This identity is already a bot here. An identity must never run twice.")


def _misfit() -> Refused:
    return Refused("key_misfit", "The secret and the log belong to different identities.")
