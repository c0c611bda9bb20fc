"""Sending what bots keep to the vault, as it grows. Runs beside the steward; a vault that is away holds nobody up."""

import hashlib
import logging
import os
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import obstore

from butt.agents.models import Progress
from butt.hosts.interface import Folder
from butt.rounds import rounds
from butt.storage import TROUBLE, Store
from butt.vault.names import LogPiece, chain, digest, pieces_in, prefix
from butt.vault.sealing import seal
from scuttlekit import ScuttlebuttError
from scuttlekit.keys import KeyPair
from scuttlekit.offsetlog import cut

log = logging.getLogger("butt.vault")

TICK, AFTER_TROUBLE = 1.0, 20.0
PIECE = 1 << 20
"""Bytes of a log that are sent at once, at most, but for a record that is longer by itself."""
LONGEST_PIECE = 3 << 20
WAIT = 5.0
"""Seconds until what is less than a piece is sent as well."""
BLOBS_EVERY = 30.0
LARGEST_BLOB = 64 << 20


@dataclass
class _Known:
    """What is known to be in the vault of one bot. It can be forgotten: the vault's own list tells it again."""

    line: str
    end: int
    small: set[str]
    blobs: set[bytes]
    secret_seen: tuple[int, int] = (0, 0)
    gossip_seen: tuple[int, int] = (0, 0)
    pending_since: float | None = None
    blobs_at: float = 0.0
    stuck_at: int = field(default=-1)


class VaultKeeper:
    """`bots` is the folder of all bots here; `key` opens nothing, nor does `secret_key`, which secrets are sealed for."""

    def __init__(self, store: Store, bots: Path, key: Any, secret_key: Any) -> None:
        self._store, self._bots, self._key, self._secret_key = store, bots, key, secret_key
        self._kept: dict[uuid.UUID, _Known] = {}

    def run(self, go_on: Callable[[], bool]) -> None:
        rounds(self.round, go_on, log, AFTER_TROUBLE)

    def round(self) -> float:
        """Send what has grown; for how many seconds to rest. The first trouble with the vault ends the round."""
        there = dict(Progress.objects.exclude(ssb_id=None).values_list("bot_id", "ssb_id"))
        for bot_id in self._kept.keys() - there.keys():
            del self._kept[bot_id]
        for bot_id, ssb_id in there.items():
            try:
                self.send(bot_id, str(ssb_id))
            except (ScuttlebuttError, FileNotFoundError) as error:
                log.warning("nothing of bot %s goes to the vault now: %s", bot_id, error)
            except TROUBLE as error:
                log.warning("the vault cannot be reached; trying again in %g s: %s", AFTER_TROUBLE, error)
                self._kept.pop(bot_id, None)
                return AFTER_TROUBLE
        return TICK

    def send(self, bot_id: uuid.UUID, ssb_id: str) -> None:
        """What one bot has and the vault lacks, as far as it is due."""
        data = Folder(self._bots / str(bot_id)).data
        secret = data / "secret"
        if not secret.exists():
            return
        kept = self._kept.get(bot_id)
        stamp = _stamp(secret)
        if kept is None or kept.secret_seen != stamp:
            # A folder of another identity, as one that lost its data may make it, must never look like this bot's.
            if KeyPair.load(secret).id != ssb_id:
                raise FileNotFoundError(f"the secret in {data} is another's")
            kept = self._kept[bot_id] = self._known(bot_id, data)
            self._send_small(bot_id, kept, "secret", secret.read_bytes(), self._secret_key)
            kept.secret_seen = stamp
        gossip = data / "gossip.json"
        if gossip.exists() and kept.gossip_seen != (stamp := _stamp(gossip)):
            self._send_small(bot_id, kept, "gossip", gossip.read_bytes(), self._key)
            kept.gossip_seen = stamp
        self._send_log(bot_id, kept, data / "flume" / "log.offset")
        if bot_id in self._kept and time.monotonic() - kept.blobs_at > BLOBS_EVERY:
            self._send_blobs(bot_id, kept, data / "blobs" / "sha256")
            kept.blobs_at = time.monotonic()

    def _known(self, bot_id: uuid.UUID, data: Path) -> _Known:
        names = list(names_of(self._store, bot_id))
        lines = pieces_in(names)
        line, end = _new_line(), 0
        if lines:
            newest = max(lines)
            there = chain(lines[newest])
            if there and _is_the_same(there[-1], data / "flume" / "log.offset"):
                line, end = newest, there[-1].end
        small = {name for name in names if name.startswith(("secret/", "gossip/"))}
        blobs = {
            bytes.fromhex(name[6:-4])
            for name in names
            if name.startswith("blobs/") and len(name) == len("blobs/.age") + 64
        }
        return _Known(line, end, small, blobs)

    def _send_small(self, bot_id: uuid.UUID, kept: _Known, what: str, content: bytes, key: Any) -> None:
        """Named by its time as well, so that the newest is known."""
        print_of_it = digest(content)
        newest = max((name for name in kept.small if name.startswith(f"{what}/")), default="")
        if newest.endswith(f"-{print_of_it}.age"):
            return
        name = f"{what}/{_now()}-{print_of_it}.age"
        self._put(bot_id, name, seal(content, key))
        kept.small.add(name)

    def _send_log(self, bot_id: uuid.UUID, kept: _Known, path: Path) -> None:
        try:
            file = path.open("rb")
        except FileNotFoundError:
            return
        with file:
            size = os.fstat(file.fileno()).st_size
            if size < kept.end:
                # Another log than the one that was sent: the next round looks anew at what goes on from where.
                del self._kept[bot_id]
                return
            while size > kept.end:
                kept.pending_since = kept.pending_since or time.monotonic()
                if size - kept.end < PIECE and time.monotonic() - kept.pending_since < WAIT:
                    return
                data = os.pread(file.fileno(), min(size - kept.end, LONGEST_PIECE), kept.end)
                spans, _, _ = cut(data, kept.end)
                # Whole records alone: the last one may be on its way, and is written over if it stays unfinished.
                ends = [end + 8 for _, end in spans]
                reach = max([end for end in ends if end <= PIECE] or ends[:1], default=0)
                if not reach:
                    if size != kept.stuck_at and size - kept.end > LONGEST_PIECE:
                        log.warning("the log of bot %s is damaged at byte %d", bot_id, kept.end)
                    kept.stuck_at = size
                    return
                piece = LogPiece(kept.line, kept.end, kept.end + reach, digest(data[:reach]))
                self._put(bot_id, piece.name, seal(data[:reach], self._key))
                kept.end, kept.pending_since = piece.end, None

    def _send_blobs(self, bot_id: uuid.UUID, kept: _Known, folder: Path) -> None:
        for path in folder.glob("??/*"):
            name = path.parent.name + path.name
            try:
                known = bytes.fromhex(name)
                if known in kept.blobs or path.stat().st_size > LARGEST_BLOB:
                    continue
                content = path.read_bytes()
            except (ValueError, FileNotFoundError):
                continue
            if is_blob(name, content):
                self._put(bot_id, f"blobs/{name}.age", seal(content, self._key))
                kept.blobs.add(known)

    def _put(self, bot_id: uuid.UUID, name: str, sealed: bytes) -> None:
        obstore.put(self._store, f"{prefix(bot_id)}/{name}", sealed)


def names_of(store: Store, bot_id: uuid.UUID) -> Iterator[str]:
    """The names of all that is there of a bot, below its prefix."""
    place = prefix(bot_id)
    for some in obstore.list(store, prefix=place):
        for one in some:
            yield str(one["path"]).removeprefix(f"{place}/")


def is_blob(name: str, content: bytes) -> bool:
    """Whether the content is what its name says."""
    return hashlib.sha256(content).hexdigest() == name


def _is_the_same(piece: LogPiece, path: Path) -> bool:
    """Whether this log goes on from where the vault is: it has the very bytes that were sent last."""
    try:
        with path.open("rb") as file:
            return digest(os.pread(file.fileno(), piece.end - piece.start, piece.start)) == piece.digest
    except OSError:
        return False


def _stamp(path: Path) -> tuple[int, int]:
    seen = path.stat()
    return seen.st_mtime_ns, seen.st_ino


def _now() -> str:
    return f"{time.time_ns() // 1_000_000:013d}"


def _new_line() -> str:
    return f"{_now()}-{uuid.uuid4().hex[:8]}"
