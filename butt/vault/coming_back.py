"""A bot whose data is gone comes back from the vault, by the rules of an import: it catches up before it may speak."""

import fcntl
import os
import shutil
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
from butt.imports.models import Import
from butt.imports.placing import folder_of
from butt.storage import Store
from butt.vault import VaultTrouble
from butt.vault.reading import Copy, read
from scuttlekit import ScuttlebuttError
from scuttlekit.files import sync
from scuttlekit.keys import KeyPair


def bring_back(bot: Agent, host: Host, store: Store, keys: list[Any]) -> Copy:
    """Have the data of a stopped bot placed at its next start, which catches up. Raises `VaultTrouble`.

    Its own data must be gone. What is left of its folder is moved aside, never deleted.
    """
    _refuse_what_could_run(bot, host)
    here = Folder(configuration().home / "bots" / str(bot.id)).data
    _refuse_what_is_there(bot, here)
    row = Import.objects.filter(bot=bot).first()
    if row is None:
        owner = ownerships().filter(source_agent=bot).first()
        if owner is None:
            raise VaultTrouble(f"{bot.name} belongs to nobody.")
        row = Import(person=owner.target_agent, bot=bot, state=Import.State.DONE)
    place = folder_of(row.id)
    draft = place.with_name(f"{place.name}.draft")
    draft.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    held = os.open(draft, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        # As of an import: who sweeps leaves alone what somebody works on.
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        copy = read(store, bot.id, str(bot.progress.ssb_id), keys, draft)
        sync(draft / "flume" / "log.offset")
        sync(draft)
        with transaction.atomic():
            now = Observed.objects.select_for_update().get(bot=bot)
            bot.progress.refresh_from_db()
            bot.wanted.refresh_from_db()
            _refuse_what_could_run(bot, host)
            if here.exists():
                here.rename(here.with_name(f"data.lost-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"))
            shutil.rmtree(place, ignore_errors=True)
            draft.rename(place)
            sync(place.parent)
            now.sequence, now.catching_up = max(now.sequence, copy.sequence), True
            now.save(update_fields=["sequence", "catching_up"])
            row.state, row.caught_up_at = Import.State.PLACING, None
            row.save()
            journal.note(bot, "operator", "from the vault", sequence=copy.sequence, known=now.sequence)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
        os.close(held)
    return copy


def _refuse_what_could_run(bot: Agent, host: Host) -> None:
    sighting = host.look().get(bot.id)
    stopped = not bot.wanted.run and bot.progress.state == State.STOPPED
    if not stopped or (sighting is not None and sighting.running):
        raise VaultTrouble(
            f"{bot.name} is {bot.progress.state}: stop it first. An identity never runs twice."
        )


def _refuse_what_is_there(bot: Agent, data: Path) -> None:
    log = data / "flume" / "log.offset"
    try:
        same = KeyPair.load(data / "secret").id == bot.progress.ssb_id
    except (ScuttlebuttError, OSError):
        return
    if same and log.exists() and log.stat().st_size:
        raise VaultTrouble(
            f"The data of {bot.name} is still there, in {data}. An old copy never replaces what may be newer: move it away "
            "yourself if it is damaged."
        )
