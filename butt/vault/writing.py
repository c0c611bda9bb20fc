"""Putting things into the vault: named by what they are, sealed, and never overwritten. A sender names only their place.

Removed are only small pieces of a log whose very bytes are in a larger piece, and old versions of small files.
"""

import logging
import re
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import obstore

from butt.configuration import Configuration
from butt.storage import TROUBLE, NoStore, Store, store_at
from butt.vault import VaultAway, VaultTrouble
from butt.vault.names import LogPiece, chain, pieces_in, prefix, small_run
from butt.vault.sealing import recipient, seal
from butt.vault.sender import PIECE, SMALL, SMALL_PIECE, digest, is_blob
from scuttlekit.data_folder import SECRET
from scuttlekit.offsetlog import cut

VERSIONS = 10
"""How many versions of a small file are kept. Of the secret all are: a new one is very rare, and none can be made again."""

_VERSION = re.compile(r"/(\d{13})-[0-9a-f]{32}\.age\Z", re.ASCII)
_BLOB_NAME = len("blobs/.age") + 64

log = logging.getLogger("butt.vault")


class StoredDelta(NamedTuple):
    """By how many bytes and things the vault grew, or shrank if they are negative."""

    size: int = 0
    things: int = 0


@dataclass
class StoredData:
    """What the vault has of one bot: `last` is where its newest line ends. `newest` holds the digests of the small things.

    The newest line ends with `run` small pieces, which begin at `run_start`.
    """

    size: int = 0
    things: int = 0
    last: LogPiece | None = None
    run_start: int = 0
    run: int = 0
    newest: dict[str, str] = field(default_factory=dict)
    blobs: set[bytes] = field(default_factory=set)

    def for_sender(self) -> dict[str, Any]:
        """For a sender: `end` is where the newest line of the log ends; the last piece of that line begins at `start` and has
        this `digest`. The line ends with `run` small pieces, which begin at `runStart`.
        """
        last = self.last
        return {
            "line": last.line if last else "",
            "start": last.start if last else 0,
            "end": last.end if last else 0,
            "digest": last.digest if last else "",
            "runStart": self.run_start,
            "run": self.run,
            **self.newest,
            "blobs": [blob.hex() for blob in self.blobs],
        }


class VaultWriter:
    """`key` opens nothing, nor does `secret_key`, which secrets are sealed for. Each method may raise `VaultAway`."""

    def __init__(self, store: Store, key: Any, secret_key: Any) -> None:
        self._store, self._keys = store, {**dict.fromkeys(SMALL, key), SECRET: secret_key}
        self._key = key

    def stored(self, bot_id: uuid.UUID) -> StoredData:
        """Read the vault's own list."""
        found, names = StoredData(), []
        for name, size in self._listed(bot_id):
            names.append(name)
            found.size, found.things = found.size + size, found.things + 1
            if name.startswith("blobs/") and len(name) == _BLOB_NAME:
                found.blobs.add(bytes.fromhex(name[6:-4]))
        lines = pieces_in(names)
        if lines and (pieces := chain(lines[max(lines)])):
            found.last = pieces[-1]
            found.run_start, found.run = small_run(pieces, SMALL_PIECE)
        for what in (SECRET, *SMALL):
            newest = max((name for name in names if name.startswith(f"{what}/")), default="")
            found.newest[what] = newest.removesuffix(".age").rpartition("-")[2]
        return found

    def log(
        self, bot_id: uuid.UUID, line: str, start: int, data: bytes
    ) -> tuple[LogPiece | None, StoredDelta]:
        """Store the whole records at the beginning of `data`, which starts at `start`. None without a record.

        The last record may be incomplete, and the log overwrites it if it stays unfinished.
        """
        spans, _, _ = cut(data, start)
        ends = [end + 8 for _, end in spans]
        reach = max([end for end in ends if end <= PIECE] or ends[:1], default=0)
        if not reach:
            return None, StoredDelta()
        piece = LogPiece(line, start, start + reach, digest(data[:reach]))
        return piece, self._put(bot_id, piece.name, seal(data[:reach], self._key))

    def merge(self, bot_id: uuid.UUID, line: str, start: int, data: bytes) -> tuple[int, StoredDelta]:
        """Merge the pieces that follow one another from `start`, and return where the merged piece ends: `start` if none was made.
        `data` is what the log has there.

        A piece is removed only if its very bytes, as its digest in the list tells, are in the merged piece, and that was read
        back. So whatever the list lacks and whoever else sends, no byte is ever missing: at worst something stays.
        """
        sizes = dict(self._listed(bot_id, f"log/{line}"))
        same, end = _same(pieces_in(sizes).get(line, []), start, data[:PIECE])
        if len(same) < 2:  # noqa: PLR2004 - there is nothing to merge
            return start, StoredDelta()
        merged = LogPiece(line, start, end, digest(data[: end - start]))
        sealed = seal(data[: end - start], self._key)
        put = self._put(bot_id, merged.name, sealed)
        if self._read(bot_id, merged.name) != sealed:
            log.warning("the vault returns %s otherwise than it was put: no piece is removed", merged.name)
            return end, put
        gone = self._remove(bot_id, {piece.name: sizes[piece.name] for piece in same if piece != merged})
        return end, StoredDelta(put.size - gone.size, put.things - gone.things)

    def small(self, bot_id: uuid.UUID, what: str, content: bytes) -> StoredDelta:
        """Put a small file, named by the time as well, so that the newest is known. Its old versions are removed."""
        listed = dict(self._listed(bot_id, what))
        # The newest stays the newest even if this clock was set back.
        newest = max((int(found[1]) for name in listed if (found := _VERSION.search(name))), default=0)
        name = f"{what}/{max(int(now()), newest + 1):013d}-{digest(content)}.age"
        put = self._put(bot_id, name, seal(content, self._keys[what]))
        if what == SECRET:
            return put
        old = sorted(listed, reverse=True)[VERSIONS - 1 :]
        gone = self._remove(bot_id, {version: listed[version] for version in old})
        return StoredDelta(put.size - gone.size, put.things - gone.things)

    def blob(self, bot_id: uuid.UUID, name: str, content: bytes) -> StoredDelta:
        """Store a blob whose digest is `name`, in hexadecimal. Raises `ValueError` if the content has another digest."""
        if not is_blob(name, content):
            raise ValueError("the blob is not what its name says")
        return self._put(bot_id, f"blobs/{name}.age", seal(content, self._key))

    def _put(self, bot_id: uuid.UUID, name: str, sealed: bytes) -> StoredDelta:
        with reaching():
            obstore.put(self._store, f"{prefix(bot_id)}/{name}", sealed)
        return StoredDelta(len(sealed), 1)

    def _read(self, bot_id: uuid.UUID, name: str) -> bytes:
        with reaching():
            return bytes(obstore.get(self._store, f"{prefix(bot_id)}/{name}").bytes())

    def _remove(self, bot_id: uuid.UUID, sizes: dict[str, int]) -> StoredDelta:
        """What cannot be removed only uses room: nothing waits for it."""
        if not sizes:
            return StoredDelta()
        try:
            obstore.delete(self._store, [f"{prefix(bot_id)}/{name}" for name in sizes])
        except TROUBLE as error:
            log.warning("%d needless things of bot %s stay in the vault: %s", len(sizes), bot_id, error)
            return StoredDelta()
        return StoredDelta(sum(sizes.values()), len(sizes))

    def _listed(self, bot_id: uuid.UUID, below: str = "") -> list[tuple[str, int]]:
        with reaching():
            return list(things_of(self._store, bot_id, below))


def writing(settings: Configuration) -> VaultWriter:
    """The writer for the vault that the settings name. Raises `VaultTrouble` if they are not valid."""
    key = recipient(settings.vault_key, "BUTT_VAULT_KEY")
    other = settings.vault_secret_key
    secret_key = recipient(other, "BUTT_VAULT_SECRET_KEY") if other else key
    try:
        return VaultWriter(store_at(settings.vault), key, secret_key)
    except NoStore as no:
        raise VaultTrouble(str(no)) from None


@contextmanager
def reaching() -> Iterator[None]:
    """Turns what a store raises into `VaultAway`."""
    try:
        yield
    except TROUBLE as error:
        cause = str(error).partition("\n")[0]  # What follows is for programmers.
        raise VaultAway(f"The vault could not be reached: {cause}") from error


def things_of(store: Store, bot_id: uuid.UUID, below: str = "") -> Iterator[tuple[str, int]]:
    """The name below the bot's prefix, and the size, of each thing that the vault has of it, or has in one folder of it."""
    place = prefix(bot_id)
    for some in obstore.list(store, prefix=f"{place}/{below}".rstrip("/")):
        for one in some:
            yield str(one["path"]).removeprefix(f"{place}/"), int(one["size"])


def _same(pieces: list[LogPiece], start: int, data: bytes) -> tuple[set[LogPiece], int]:
    """The pieces that lead on from `start` without a gap and have the bytes of `data`, and how far they lead."""
    same, reached = set(), start
    for piece in sorted(pieces, key=lambda piece: (piece.start, piece.end)):
        within = data[piece.start - start : piece.end - start] if start <= piece.start <= reached else b""
        if len(within) == piece.end - piece.start and digest(within) == piece.digest:
            same.add(piece)
            reached = max(reached, piece.end)
    return same, reached


def now() -> str:
    return f"{time.time_ns() // 1_000_000:013d}"
