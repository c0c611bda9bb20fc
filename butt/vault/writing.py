"""Putting things into the vault: named by what they are, sealed, and never written over. Whoever sends names only their place."""

import hashlib
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import obstore

from butt.configuration import Configuration
from butt.storage import TROUBLE, NoStore, Store, store_at
from butt.vault import VaultAway, VaultTrouble
from butt.vault.names import LogPiece, chain, digest, pieces_in, prefix
from butt.vault.sealing import recipient, seal
from scuttlekit import data_folder
from scuttlekit.offsetlog import cut

PIECE = 1 << 20
"""The most bytes of a log in one thing, except for a single record that is longer."""

LONGEST_PIECE = 3 << 20
LARGEST_BLOB = 64 << 20
LARGEST_SMALL = 1 << 20
"""Bytes of a secret, or of another small file."""

SECRET = "secret"  # noqa: S105 - the name of a thing
STATE = {name.removesuffix(".json"): name for name in (*data_folder.STATE, *data_folder.STATE_OF_SERVICE)}
"""Small files beside the secret: what each is called in the vault, and in the data folder."""

_BLOB_NAME = len("blobs/.age") + 64


@dataclass
class There:
    """What the vault has of one bot: `last` is where its newest line ends. `newest` holds the digests of the small things."""

    size: int = 0
    things: int = 0
    last: LogPiece | None = None
    newest: dict[str, str] = field(default_factory=dict)
    blobs: set[bytes] = field(default_factory=set)


class VaultWriter:
    """`key` opens nothing, nor does `secret_key`, which secrets are sealed for. Each method may raise `VaultAway`."""

    def __init__(self, store: Store, key: Any, secret_key: Any) -> None:
        self._store, self._keys = store, {**dict.fromkeys(STATE, key), SECRET: secret_key}
        self._key = key

    def there(self, bot_id: uuid.UUID) -> There:
        """Read the vault's own list."""
        found, names = There(), []
        with reaching():
            everything = list(things_of(self._store, bot_id))
        for name, size in everything:
            names.append(name)
            found.size, found.things = found.size + size, found.things + 1
            if name.startswith("blobs/") and len(name) == _BLOB_NAME:
                found.blobs.add(bytes.fromhex(name[6:-4]))
        lines = pieces_in(names)
        if lines and (pieces := chain(lines[max(lines)])):
            found.last = pieces[-1]
        for what in (SECRET, *STATE):
            newest = max((name for name in names if name.startswith(f"{what}/")), default="")
            found.newest[what] = newest.removesuffix(".age").rpartition("-")[2]
        return found

    def log(self, bot_id: uuid.UUID, line: str, start: int, data: bytes) -> tuple[LogPiece | None, int]:
        """Store the whole records at the beginning of `data`, which starts at `start`; also returns the bytes stored. None
        without a record.

        The last record may be incomplete, and the log overwrites it if it stays unfinished.
        """
        spans, _, _ = cut(data, start)
        ends = [end + 8 for _, end in spans]
        reach = max([end for end in ends if end <= PIECE] or ends[:1], default=0)
        if not reach:
            return None, 0
        piece = LogPiece(line, start, start + reach, digest(data[:reach]))
        return piece, self._put(bot_id, piece.name, seal(data[:reach], self._key))

    def small(self, bot_id: uuid.UUID, what: str, content: bytes) -> int:
        """Put a small file, named by the time as well, so that the newest is known."""
        name = f"{what}/{now()}-{digest(content)}.age"
        return self._put(bot_id, name, seal(content, self._keys[what]))

    def blob(self, bot_id: uuid.UUID, name: str, content: bytes) -> int:
        """Store a blob whose digest is `name`, in hexadecimal. Raises `ValueError` if the content has another digest."""
        if not is_blob(name, content):
            raise ValueError("the blob is not what its name says")
        return self._put(bot_id, f"blobs/{name}.age", seal(content, self._key))

    def _put(self, bot_id: uuid.UUID, name: str, sealed: bytes) -> int:
        with reaching():
            obstore.put(self._store, f"{prefix(bot_id)}/{name}", sealed)
        return len(sealed)


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


def things_of(store: Store, bot_id: uuid.UUID) -> Iterator[tuple[str, int]]:
    """The name below the bot's prefix, and the size, of each thing that the vault has of it."""
    place = prefix(bot_id)
    for some in obstore.list(store, prefix=place):
        for one in some:
            yield str(one["path"]).removeprefix(f"{place}/"), int(one["size"])


def is_blob(name: str, content: bytes) -> bool:
    """Whether the content matches its name."""
    return hashlib.sha256(content).hexdigest() == name


def now() -> str:
    return f"{time.time_ns() // 1_000_000:013d}"


def new_line() -> str:
    return f"{now()}-{uuid.uuid4().hex[:8]}"
