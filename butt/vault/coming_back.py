"""A bot whose data is gone comes back from the vault, by the rules of an import: it catches up before it may speak."""

import fcntl
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.db import transaction

from butt.agents import journal
from butt.agents.bots import ownerships
from butt.agents.models import Agent, Observed
from butt.agents.states import State
from butt.configuration import configuration
from butt.hosts.interface import Folder, Host
from butt.hosts.salt.orders import bury_on
from butt.imports.models import Import
from butt.imports.placing import folder_of
from butt.machines import import_transfers
from butt.machines.models import Machine, OldCopy, Placement
from butt.storage import Store
from butt.vault import UnderWay, VaultTrouble
from butt.vault.asking import GONE, copy_of, is_lost
from butt.vault.models import ReturnStep, Vaulted
from butt.vault.reading import Copy, read
from scuttlekit import ScuttlebuttError
from scuttlekit.files import sync
from scuttlekit.keys import KeyPair
from scuttlekit.offsetlog import survey


def bring_back(bot: Agent, host: Host, store: Store, keys: list[Any], *, elsewhere: bool = False) -> Copy:
    """Place the data of a stopped bot at its next start, which catches up. Raises `VaultTrouble` and `HostTrouble`.

    Its own data must be gone, or behind what is known of it while the vault is not. What is left of it is moved aside, never
    deleted. `elsewhere` says that the machine it was on is gone for good, and that it goes to another. Raises `UnderWay` as well.
    """
    row = Placement.objects.filter(bot=bot).select_related("machine").first()
    if elsewhere and row is None:
        raise VaultTrouble(f"{bot.name} is not on any machine.")
    looks = None if elsewhere else host
    _refuse_what_could_run(bot, looks)
    least = _least(bot, row, elsewhere=elsewhere)
    place = folder_of(bot.id)
    with _alone_in(place.with_name(f"{place.name}.draft")) as draft:
        imported = _import_of(bot)
        place = folder_of(imported.id)
        if Vaulted.objects.filter(bot_id=bot.id, back=ReturnStep.PLACED).exists():
            raise UnderWay(f"{bot.name} has just been placed.")
        copy = read(store, bot.id, str(bot.progress.ssb_id), keys, draft)
        if copy.sequence < least:
            raise VaultTrouble(
                f"{bot.name} still has data, and that may be newer: the vault has {copy.sequence} messages of its own, and "
                f"{bot.observed.sequence} are known. An old copy never replaces what may be newer. Move that data away yourself "
                "if it is damaged."
            )
        sync(draft / "flume" / "log.offset")
        sync(draft)
        with transaction.atomic():
            now = Observed.objects.select_for_update().get(bot=bot)
            bot.progress.refresh_from_db()
            bot.wanted.refresh_from_db()
            _refuse_what_could_run(bot, looks)
            _make_way(bot, row, elsewhere=elsewhere)
            shutil.rmtree(place, ignore_errors=True)
            draft.rename(place)
            sync(place.parent)
            now.sequence, now.catching_up = max(now.sequence, copy.sequence), True
            now.save(update_fields=["sequence", "catching_up"])
            imported.state, imported.caught_up_at = Import.State.PLACING, None
            imported.save()
            Vaulted.objects.filter(bot_id=bot.id, back=ReturnStep.ASKED).update(back=ReturnStep.PLACED)
            journal.note(bot, "vault", "from the vault", sequence=copy.sequence, known=now.sequence)
    return copy


@contextmanager
def _alone_in(draft: Path) -> Iterator[Path]:
    """An empty folder in which nobody else works. Sweeping leaves it alone, as it does an import's. Raises `UnderWay`."""
    draft.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft.mkdir(mode=0o700, exist_ok=True)
    held = os.open(draft, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        is_ours = os.path.samestat(os.fstat(held), draft.stat())
    except (BlockingIOError, FileNotFoundError):
        is_ours = False
    if not is_ours:
        os.close(held)
        raise UnderWay("It is already being brought back.")
    try:
        for path in draft.iterdir():  # Left by one that was killed.
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        yield draft
    finally:
        shutil.rmtree(draft, ignore_errors=True)
        os.close(held)


def _import_of(bot: Agent) -> Import:
    found = Import.objects.filter(bot=bot).first()
    if found is not None:
        return found
    owner = ownerships().filter(source_agent=bot).first()
    if owner is None:
        raise VaultTrouble(f"{bot.name} belongs to nobody.")
    return Import(person=owner.target_agent, bot=bot, state=Import.State.DONE)


def _make_way(bot: Agent, row: Placement | None, *, elsewhere: bool) -> None:
    """Move aside what is left of it here; on a machine that happens as its data arrives there."""
    if row is None:
        data = _folder_of(bot).data
        if data.exists():
            data.rename(data.with_name(f"data.lost-{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}"))
        return
    # What an earlier return left here on its way is not what is sent now.
    import_transfers.forget(bot.id)
    import_transfers.replaces(bot.id, uuid.uuid4().hex)
    if elsewhere:
        bury_on(row.machine_id, bot.id)
        # Nothing new goes there, least of all this bot.
        machine = Machine.objects.filter(id=row.machine_id, state=Machine.State.READY)
        machine.update(state=Machine.State.DRAINING)
        OldCopy.objects.filter(bot=bot, machine=row.machine).delete()
        row.delete()


def _refuse_what_could_run(bot: Agent, host: Host | None) -> None:
    """`host` is None if the operators say that nothing is left of where it ran."""
    seen = host.look([bot.id]).get(bot.id) if host else None
    if isinstance(seen, Exception):
        raise seen
    stopped = not bot.wanted.run and (host is None or bot.progress.state == State.STOPPED)
    if not stopped or (seen is not None and seen.running):
        raise VaultTrouble(
            f"{bot.name} is {bot.progress.state}: stop it first. An identity never runs twice."
        )


def _least(bot: Agent, row: Placement | None, *, elsewhere: bool) -> int:
    """How many of its own messages the vault must have to replace what is left. Raises `VaultTrouble`."""
    if row is None:
        return _what_is_there(bot, _folder_of(bot).data)
    if elsewhere:
        return 0
    copy = copy_of(bot)
    if copy is None or not is_lost(copy):
        raise VaultTrouble(
            f"The data of {bot.name} is not known to be lost. Start it: if its data is gone, it says so. If its machine is gone "
            "for good, give `--elsewhere`."
        )
    return 0 if copy.lost_code == GONE else bot.observed.sequence


def _folder_of(bot: Agent) -> Folder:
    return Folder(configuration().home / "bots" / str(bot.id))


def _what_is_there(bot: Agent, data: Path) -> int:
    """How many of its own messages are still there. Raises `VaultTrouble` if its pub did not say that the log is too old."""
    log = data / "flume" / "log.offset"
    try:
        same = KeyPair.load(data / "secret").id == bot.progress.ssb_id
    except (ScuttlebuttError, OSError):
        return 0
    if not (same and log.exists() and log.stat().st_size):
        return 0
    if is_lost(copy_of(bot)):
        with log.open("rb") as file:
            return survey(file, log.stat().st_size, str(bot.progress.ssb_id)).sequence
    raise VaultTrouble(
        f"The data of {bot.name} is still there, in {data}. An old copy never replaces what may be newer: move it away "
        "yourself if it is damaged."
    )
