"""Sending the data of this machine's bots to the vault, as it grows. Runs beside the steward; a vault that is away blocks
nobody.
"""

import logging
import time
import uuid
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from butt.agents.models import Progress
from butt.hosts.interface import Folder
from butt.rounds import rounds
from butt.vault import VaultAway, ledger
from butt.vault.sender import BotSender
from butt.vault.writing import StoredDelta, VaultWriter
from scuttlekit import ScuttlebuttError
from scuttlekit.keys import KeyPair

log = logging.getLogger("butt.vault")

TICK, AFTER_TROUBLE = 1.0, 20.0
TOLD_EVERY = 10.0
"""Seconds between two looks that are saved."""

FULL = "It has used up its room in the vault: BUTT_VAULT_GIB. Nothing more of it is sent."


class _Vault:
    """The vault for one bot, which may take `most` bytes of it, and its row in the ledger."""

    def __init__(self, vault: VaultWriter, bot_id: uuid.UUID, most: int) -> None:
        self._vault, self._bot_id, self._most = vault, bot_id, most
        self._size = 0

    @property
    def is_full(self) -> bool:
        return self._size >= self._most

    def stored(self) -> Mapping[str, Any]:
        found = self._vault.stored(self._bot_id)
        ledger.begin(self._bot_id, found.size, found.things)
        self._size = found.size
        return found.for_sender()

    def small(self, what: str, content: bytes) -> None:
        self._count(self._vault.small(self._bot_id, what, content))

    def log(self, line: str, start: int, data: bytes) -> int:
        piece, change = self._vault.log(self._bot_id, line, start, data)
        if piece is None:
            return start
        self._count(change)
        return piece.end

    def merge(self, line: str, start: int, data: bytes) -> int:
        end, change = self._vault.merge(self._bot_id, line, start, data)
        self._count(change)
        return end

    def blob(self, name: str, content: bytes) -> None:
        self._count(self._vault.blob(self._bot_id, name, content))

    def _count(self, change: StoredDelta) -> None:
        self._size += change.size
        ledger.took(self._bot_id, change)


class _OfBot(NamedTuple):
    ssb_id: str
    vault: _Vault
    sender: BotSender


class VaultKeeper:
    """`bots` is the folder of all bots here; `most` is how many bytes one bot may have in the vault."""

    def __init__(self, vault: VaultWriter, bots: Path, most: int) -> None:
        self._vault, self._bots, self._most = vault, bots, most
        self._sent: dict[uuid.UUID, _OfBot] = {}
        self._told_at = -1e9
        self._refused: uuid.UUID | None = None

    def run(self, go_on: Callable[[], bool]) -> None:
        rounds(self.round, go_on, log, AFTER_TROUBLE)

    def round(self) -> float:
        """Send what has grown; returns for how many seconds to rest. The first problem with the vault ends the round."""
        ssb_ids = dict(Progress.objects.exclude(ssb_id=None).values_list("bot_id", "ssb_id"))
        for bot_id in self._sent.keys() - ssb_ids.keys():
            del self._sent[bot_id]
        troubles: dict[uuid.UUID, str] = {}
        rest = TICK
        # What the vault refused the last time comes last, so that it does not hold up the others.
        for bot_id, ssb_id in sorted(ssb_ids.items(), key=lambda each: each[0] == self._refused):
            try:
                self.send(bot_id, str(ssb_id))
            except (ScuttlebuttError, OSError) as error:
                log.warning("nothing of bot %s goes to the vault now: %s", bot_id, error)
                troubles[bot_id] = f"Nothing of it goes to the vault now: {error}."
            except VaultAway as error:
                log.warning("%s; trying again in %g s", error, AFTER_TROUBLE)
                self._refused = bot_id
                troubles |= dict.fromkeys(self._sent, "The vault could not be reached.")
                self._sent[bot_id].sender.wait()
                rest = AFTER_TROUBLE
                break
        else:
            self._refused = None
        self._tell(troubles, at_once=rest > TICK)
        return rest

    def send(self, bot_id: uuid.UUID, ssb_id: str) -> None:
        """Send what one bot has and the vault lacks, as far as it is due."""
        folder = Folder(self._bots / str(bot_id))
        if folder.moved.exists():
            self._sent.pop(bot_id, None)
            return
        known = self._sent.get(bot_id)
        if known is None or known.ssb_id != ssb_id:
            vault = _Vault(self._vault, bot_id, self._most)
            sender = BotSender(vault, folder.data, check=partial(_check_is_own, ssb_id))
            known = self._sent[bot_id] = _OfBot(ssb_id, vault, sender)
        known.sender.send()

    def _tell(self, troubles: dict[uuid.UUID, str], *, at_once: bool) -> None:
        """Save from time to time how far each bot's copy is."""
        now = time.monotonic()
        if now - self._told_at < TOLD_EVERY and not at_once:
            return
        self._told_at = now
        seen = {}
        for bot_id, known in self._sent.items():
            if behind := known.sender.behind:
                seen[bot_id] = ledger.Look(*behind, FULL if known.vault.is_full else "")
        for bot_id, trouble in troubles.items():
            seen[bot_id] = seen.get(bot_id, ledger.ALL_THERE)._replace(trouble=trouble)
        ledger.looked(seen)


def _check_is_own(ssb_id: str, secret: bytes) -> None:
    if KeyPair.parse(secret.decode(errors="replace")).id != ssb_id:
        raise FileNotFoundError("the secret in its folder is another's")
