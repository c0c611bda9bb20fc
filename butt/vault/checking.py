"""A drill: a bot is read back from the vault into a scratch folder, and every byte is checked. Nothing runs."""

import logging
import shutil
import tempfile
import threading
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.db import connection
from django.db.models import F
from django.utils import timezone

from butt.agents.bots import bots
from butt.agents.models import Agent
from butt.configuration import configuration
from butt.storage import Store, store_at
from butt.vault import VaultAway, VaultTrouble
from butt.vault.models import Vaulted
from butt.vault.reading import Copy, read
from butt.vault.sealing import identities

log = logging.getLogger("butt.vault")

EACH = timedelta(hours=20)
"""No other bot is checked automatically before this has passed: it is one a night."""

RESERVE = 1 << 30
"""Bytes of the disk that a check leaves free for others."""

UNPACKED = 5
"""How many times its size in the vault a copy may take on disk: text compresses that well."""


@dataclass(frozen=True)
class CopyCheck:
    """`words` say what was found. `sound` is None if nothing is known, because the vault could not be reached."""

    sound: bool | None
    words: str
    copy: Copy | None = None


def check(bot: Agent, store: Store, keys: list[Any]) -> CopyCheck:
    """Read the bot back, and save what was found. Nothing is saved if the vault could not be reached."""
    home = configuration().home
    known = bot.observed.sequence
    with tempfile.TemporaryDirectory(prefix="vault-", dir=home) as folder:
        try:
            copy = read(store, bot.id, str(bot.progress.ssb_id), keys, Path(folder))
        except VaultAway as away:
            return CopyCheck(None, f"{away}. Try again later.")
        except VaultTrouble as trouble:
            found = CopyCheck(False, str(trouble))
        else:
            found = CopyCheck(True, _words(copy, known), copy)
    Vaulted.objects.filter(bot_id=bot.id).update(
        checked_at=timezone.now(), sound=found.sound, check_words=found.words[:300]
    )
    return found


def _words(copy: Copy, known: int) -> str:
    behind = max(0, known - copy.sequence)
    words = f"{copy.messages} messages, {copy.sequence} of its own, {copy.blobs} blobs"
    return f"{words}; {behind} of its own are not there yet" if behind else words


def check_one(now: datetime) -> None:
    """Check the bot whose last check is longest ago, one a night, in a separate thread so that other chores do not wait."""
    settings = configuration()
    if not (settings.vault and settings.vault_opens):
        return
    if any(thread.name == NAME for thread in threading.enumerate()):
        return
    if Vaulted.objects.filter(checked_at__gt=now - EACH, checked_at__lte=now).exists():
        return
    if bot := _next():
        threading.Thread(target=_check_beside, args=(bot,), name=NAME, daemon=True).start()


NAME = "vault check"


def _next() -> Agent | None:
    copies = Vaulted.objects.filter(things__gt=0, gone_at=None, lost_at=None)
    free = shutil.disk_usage(configuration().home).free - RESERVE
    for copy in copies.order_by(F("checked_at").asc(nulls_first=True), "bot_id")[:100]:
        bot = bots().filter(id=copy.bot_id).exclude(progress__ssb_id=None).first()
        if bot is not None and copy.size * UNPACKED < free:
            return bot
    return None


def _check_beside(bot: Agent) -> None:
    settings = configuration()
    try:
        found = check(bot, store_at(settings.vault), identities(Path(settings.vault_opens)))
        if found.sound is None:
            log.warning("the copy of %s in the vault is checked later: %s", bot.name, found.words)
            return
        say = log.info if found.sound else log.error
        say("the copy of %s in the vault was read back: %s", bot.name, found.words)
    except Exception:
        log.exception("the copy of %s in the vault could not be checked", bot.name)
    finally:
        connection.close()
