"""Sending the data of this machine's bots to the vault, as it grows. Runs beside the steward; a vault that is away blocks
nobody.
"""

import logging
import os
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from butt.agents.models import Progress
from butt.hosts.interface import Folder
from butt.rounds import rounds
from butt.vault import VaultAway, ledger
from butt.vault.names import LogPiece, digest
from butt.vault.writing import (
    LARGEST_BLOB,
    LARGEST_SMALL,
    LONGEST_PIECE,
    PIECE,
    SECRET,
    SMALL_PIECE,
    SMALL_PIECES,
    STATE,
    StoredDelta,
    There,
    VaultWriter,
    is_blob,
    new_line,
)
from scuttlekit import ScuttlebuttError
from scuttlekit.keys import KeyPair

log = logging.getLogger("butt.vault")

TICK, AFTER_TROUBLE = 1.0, 20.0
WAIT = 5.0
"""Seconds until less than a full piece is sent as well."""

BLOBS_EVERY, SETTLED = 30.0, 2.0
"""How often blob folders are checked, and how long one must be unchanged before it is no longer read."""

TOLD_EVERY = 10.0
"""Seconds between two looks that are saved."""

FULL = "It has used up its room in the vault: BUTT_VAULT_GIB. Nothing more of it is sent."


@dataclass
class _Known:
    """What is known to be in the vault of one bot. It can be forgotten: the vault's own list tells it again."""

    there: There
    line: str
    end: int
    run_start: int = 0
    run: int = 0
    secret_seen: tuple[int, int] = (0, 0)
    state_seen: dict[str, tuple[int, int]] = field(default_factory=dict)
    pending_since: float | None = None
    blobs_at: float = field(default=-1e9)
    stuck_at: int = -1
    folders: dict[str, int] = field(default_factory=dict)


class VaultKeeper:
    """`bots` is the folder of all bots here; `most` is how many bytes one bot may have in the vault."""

    def __init__(self, vault: VaultWriter, bots: Path, most: int) -> None:
        self._vault, self._bots, self._most = vault, bots, most
        self._kept: dict[uuid.UUID, _Known] = {}
        self._told_at = -1e9
        self._refused: uuid.UUID | None = None

    def run(self, go_on: Callable[[], bool]) -> None:
        rounds(self.round, go_on, log, AFTER_TROUBLE)

    def round(self) -> float:
        """Send what has grown; returns for how many seconds to rest. The first problem with the vault ends the round."""
        there = dict(Progress.objects.exclude(ssb_id=None).values_list("bot_id", "ssb_id"))
        for bot_id in self._kept.keys() - there.keys():
            del self._kept[bot_id]
        troubles: dict[uuid.UUID, str] = {}
        rest = TICK
        # What the vault refused the last time comes last, so that it does not hold up the others.
        for bot_id, ssb_id in sorted(there.items(), key=lambda each: each[0] == self._refused):
            try:
                self.send(bot_id, str(ssb_id))
            except (ScuttlebuttError, OSError) as error:
                log.warning("nothing of bot %s goes to the vault now: %s", bot_id, error)
                troubles[bot_id] = f"Nothing of it goes to the vault now: {error}."
            except VaultAway as error:
                log.warning("%s; trying again in %g s", error, AFTER_TROUBLE)
                self._refused = bot_id
                troubles |= dict.fromkeys(self._kept, "The vault could not be reached.")
                if kept := self._kept.get(bot_id):
                    kept.pending_since = kept.pending_since or time.monotonic()
                rest = AFTER_TROUBLE
                break
        else:
            self._refused = None
        self._tell(troubles, at_once=rest > TICK)
        return rest

    def send(self, bot_id: uuid.UUID, ssb_id: str) -> None:
        """Send what one bot has and the vault lacks, as far as it is due."""
        folder = Folder(self._bots / str(bot_id))
        data, secret = folder.data, folder.secret
        if not secret.exists() or folder.moved.exists():
            self._kept.pop(bot_id, None)
            return
        kept = self._kept.get(bot_id)
        stamp = _stamp(secret)
        if kept is None or kept.secret_seen != stamp:
            # A folder with another identity, as a bot that lost its data may make, must never look like this bot's.
            if KeyPair.load(secret).id != ssb_id:
                raise FileNotFoundError(f"the secret in {data} is another's")
            kept = self._kept[bot_id] = self._known(bot_id, data)
            self._send_small(bot_id, kept, SECRET, secret)
            kept.secret_seen = stamp
        if kept.there.size >= self._most:
            return
        for what, name in STATE.items():
            path = data / name
            if path.exists() and kept.state_seen.get(what) != (stamp := _stamp(path)):
                self._send_small(bot_id, kept, what, path)
                kept.state_seen[what] = stamp
        self._send_log(bot_id, kept, data / "flume" / "log.offset")
        if bot_id in self._kept and time.monotonic() - kept.blobs_at > BLOBS_EVERY:
            self._send_blobs(bot_id, kept, data / "blobs" / "sha256")
            kept.blobs_at = time.monotonic()

    def _known(self, bot_id: uuid.UUID, data: Path) -> _Known:
        there = self._vault.there(bot_id)
        ledger.begin(bot_id, there.size, there.things)
        if there.last and _is_the_same(there.last, data / "flume" / "log.offset"):
            return _Known(there, there.last.line, there.last.end, there.run_start, there.run)
        return _Known(there, new_line(), 0)

    def _send_small(self, bot_id: uuid.UUID, kept: _Known, what: str, path: Path) -> None:
        content = path.read_bytes()
        if kept.there.newest[what] != digest(content) and len(content) <= LARGEST_SMALL:
            self._count(bot_id, kept, self._vault.small(bot_id, what, content))
            kept.there.newest[what] = digest(content)

    def _send_log(self, bot_id: uuid.UUID, kept: _Known, path: Path) -> None:
        try:
            file = path.open("rb")
        except FileNotFoundError:
            return
        with file:
            size = os.fstat(file.fileno()).st_size
            if size < kept.end:
                # This is not the log that was sent: the next round checks anew what continues what.
                del self._kept[bot_id]
                return
            while size > kept.end:
                kept.pending_since = kept.pending_since or time.monotonic()
                if size - kept.end < PIECE and time.monotonic() - kept.pending_since < WAIT:
                    return
                data = os.pread(file.fileno(), min(size - kept.end, LONGEST_PIECE), kept.end)
                piece, change = self._vault.log(bot_id, kept.line, kept.end, data)
                if piece is None:
                    if size != kept.stuck_at and size - kept.end > LONGEST_PIECE:
                        log.warning("the log of bot %s is damaged at byte %d", bot_id, kept.end)
                    kept.stuck_at = size
                    return
                self._count(bot_id, kept, change)
                kept.end, kept.pending_since = piece.end, None
                kept.run += 1
                self._merge(bot_id, kept, file.fileno())

    def _merge(self, bot_id: uuid.UUID, kept: _Known, log_file: int) -> None:
        """Merge the last pieces of its copy as soon as they are many or large: otherwise lists would grow without end."""
        length = kept.end - kept.run_start
        if length < SMALL_PIECE and kept.run < SMALL_PIECES:
            return
        merged = kept.run_start
        if kept.run > 1:
            data = os.pread(log_file, min(length, PIECE), kept.run_start)
            merged, change = self._vault.merge(bot_id, kept.line, kept.run_start, data)
            self._count(bot_id, kept, change)
        if kept.run_start < merged < kept.end:
            kept.run_start = merged  # The next pieces follow with the next send.
        elif length >= SMALL_PIECE or merged == kept.run_start:
            kept.run_start, kept.run = kept.end, 0
        else:
            kept.run = 1

    def _send_blobs(self, bot_id: uuid.UUID, kept: _Known, folder: Path) -> None:
        """Only folders that changed are read: a bot may have very many blobs, and usually nothing new."""
        for place, changed in _folders(folder):
            if kept.folders.get(place.name) == changed:
                continue
            for path in sorted(place.iterdir()):
                self._send_blob(bot_id, kept, path)
            if time.time() - changed / 1e9 > SETTLED:
                kept.folders[place.name] = changed

    def _send_blob(self, bot_id: uuid.UUID, kept: _Known, path: Path) -> None:
        name = path.parent.name + path.name
        try:
            known = bytes.fromhex(name)
            if known in kept.there.blobs or path.stat().st_size > LARGEST_BLOB:
                return
            content = path.read_bytes()
        except (ValueError, FileNotFoundError):
            return
        if is_blob(name, content):
            self._count(bot_id, kept, self._vault.blob(bot_id, name, content))
            kept.there.blobs.add(known)

    def _count(self, bot_id: uuid.UUID, kept: _Known, change: StoredDelta) -> None:
        kept.there.size += change.size
        ledger.took(bot_id, change)

    def _tell(self, troubles: dict[uuid.UUID, str], *, at_once: bool) -> None:
        """Save from time to time how far each bot's copy is."""
        now = time.monotonic()
        if now - self._told_at < TOLD_EVERY and not at_once:
            return
        self._told_at = now
        seen = {bot_id: self._look(bot_id, kept, now) for bot_id, kept in self._kept.items()}
        for bot_id, trouble in troubles.items():
            seen[bot_id] = seen.get(bot_id, ledger.ALL_THERE)._replace(trouble=trouble)
        ledger.looked(seen)

    def _look(self, bot_id: uuid.UUID, kept: _Known, now: float) -> ledger.Look:
        trouble = FULL if kept.there.size >= self._most else ""
        try:
            size = (Folder(self._bots / str(bot_id)).data / "flume" / "log.offset").stat().st_size
        except OSError:
            size = kept.end
        behind = max(0, size - kept.end)
        since = kept.pending_since if behind and kept.pending_since else now
        return ledger.Look(behind, round(now - since), trouble) if behind or trouble else ledger.ALL_THERE


def _is_the_same(piece: LogPiece, path: Path) -> bool:
    """Whether this log continues what the vault has: it contains exactly the bytes that were sent last."""
    try:
        with path.open("rb") as file:
            return digest(os.pread(file.fileno(), piece.end - piece.start, piece.start)) == piece.digest
    except OSError:
        return False


def _folders(place: Path) -> list[tuple[Path, int]]:
    """The folders of blobs, and when each was last changed."""
    try:
        with os.scandir(place) as entries:
            found = [entry for entry in entries if len(entry.name) == len("00") and entry.is_dir()]
            return sorted((place / entry.name, entry.stat().st_mtime_ns) for entry in found)
    except FileNotFoundError:
        return []


def _stamp(path: Path) -> tuple[int, int]:
    seen = path.stat()
    return seen.st_mtime_ns, seen.st_ino
