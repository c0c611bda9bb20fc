"""Blobs on disk, in the layout of ssb-blobs: `blobs/sha256/AB/CDEF…`, the hash in hexadecimal.

A blob appears under its final path only when it is complete and its hash matches its name. Until then it is
in `blobs/tmp`, and it is removed if the transfer breaks off.
"""

import asyncio
import base64
import hashlib
import os
import re
import secrets
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple, Self

from scuttlekit.errors import ScuttlebuttError
from scuttlekit.files import sync
from scuttlekit.keys import decode_base64

_ID: Final = re.compile(r"&[A-Za-z0-9+/]{43}=\.sha256")
_HEX: Final = re.compile(r"[0-9a-f]{62}")
_SUFFIX: Final = ".sha256"


class WrongBlob(ScuttlebuttError):
    """The received bytes are not the requested blob; the message says why."""


class Blob(NamedTuple):
    """A stored blob. `since` is when it arrived, in seconds since 1970."""

    id: str
    size: int
    since: float


Hear = Callable[[str, int], object]
"""Called for each new blob with its id and its size in bytes."""


def is_blob_id(text: object) -> bool:
    return isinstance(text, str) and _ID.fullmatch(text) is not None


def digest_of(blob: str) -> bytes:
    """Decode the SHA-256 from a blob id. Raises WrongBlob."""
    if not is_blob_id(blob):
        raise WrongBlob("a blob id must have the form &….sha256")
    return decode_base64(blob[1 : -len(_SUFFIX)], 32, "the blob id")


def blob_id(digest: bytes) -> str:
    """Format the SHA-256 of a blob's bytes as its id, `&….sha256`."""
    return f"&{base64.b64encode(digest).decode()}{_SUFFIX}"


class BlobStore:
    """The blobs of one pub."""

    def __init__(self, folder: Path) -> None:
        """Use the data folder `folder`, and remove unfinished drafts from earlier runs. Raises OSError."""
        self._folder = folder / "blobs" / "sha256"
        self._drafts = folder / "blobs" / "tmp"
        self._listeners: list[Hear] = []
        self._mourners: list[Callable[[str], object]] = []
        with suppress(FileNotFoundError, NotADirectoryError):
            for left in self._drafts.iterdir():
                if left.is_file():
                    left.unlink()

    def size(self, blob: str) -> int | None:
        """The size of a blob in bytes; None if it is missing. An empty file counts as missing. Raises InvalidFormat."""
        try:
            # A peer may ask for a thousand at once, and pathlib would take most of the time.
            name = digest_of(blob).hex()
            return os.stat(f"{self._folder}/{name[:2]}/{name[2:]}").st_size or None  # noqa: PTH116
        except (FileNotFoundError, NotADirectoryError):
            return None

    def open(self, blob: str) -> BinaryIO | None:
        """Open a blob for reading; None if it is missing. Raises InvalidFormat, OSError."""
        try:
            return self._path(blob).open("rb")
        except FileNotFoundError:
            return None

    def remove(self, blob: str) -> None:
        """Remove a blob, if it is there. Raises InvalidFormat, OSError."""
        self._path(blob).unlink(missing_ok=True)
        for hear in tuple(self._mourners):
            hear(blob)

    def __iter__(self) -> Iterator[Blob]:
        """Iterate over all blobs, in no particular order. Folders are read one at a time."""
        for name in _names(self._folder):
            for rest in _names(self._folder / name):
                if not _HEX.fullmatch(rest):
                    continue
                with suppress(OSError):
                    seen = (self._folder / name / rest).stat()
                    yield Blob(blob_id(bytes.fromhex(name + rest)), seen.st_size, seen.st_mtime)

    def draft(self, wanted: str | None, most: int) -> "Draft":
        """Start receiving a blob of at most `most` bytes, with the id `wanted` or, if None, any. Raises OSError."""
        self._drafts.mkdir(parents=True, exist_ok=True)
        return Draft(self._drafts / secrets.token_hex(16), wanted, most, self._file)

    def listen(self, hear: Hear) -> Callable[[], None]:
        """Call `hear` for each new blob. Returns a function that stops it."""
        self._listeners.append(hear)
        return lambda: self._listeners.remove(hear)

    def listen_to_removals(self, hear: Callable[[str], object]) -> None:
        """Call `hear` with the id of each blob that is removed."""
        self._mourners.append(hear)

    async def _file(self, draft: Path, blob: str, size: int) -> None:
        path = self._path(blob)
        await asyncio.to_thread(_move, draft, path)
        for hear in tuple(self._listeners):
            hear(blob, size)

    def _path(self, blob: str) -> Path:
        name = digest_of(blob).hex()
        return self._folder / name[:2] / name[2:]


class Draft:
    """A blob being received. Use it in a `with` block: unless it was filed, leaving the block removes it."""

    def __init__(
        self, path: Path, wanted: str | None, most: int, file: Callable[[Path, str, int], Awaitable[None]]
    ) -> None:
        self._path = path
        self._wanted = wanted
        self._most = most
        self._move = file
        self._hash = hashlib.sha256()
        self._size = 0
        self._file = path.open("xb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._path.unlink(missing_ok=True)

    def write(self, chunk: object) -> None:
        """Write the next bytes. Raises WrongBlob if they are not bytes or too many, OSError."""
        if not isinstance(chunk, bytes):
            raise WrongBlob("a blob must arrive as pieces of bytes")
        self._size += len(chunk)
        if self._size > self._most:
            raise WrongBlob(f"the blob is larger than {self._most} bytes")
        self._hash.update(chunk)
        self._file.write(chunk)

    async def file(self) -> str:
        """Move the blob durably into place, and return its id. Raises WrongBlob, OSError."""
        found = blob_id(self._hash.digest())
        if self._wanted is not None and found != self._wanted:
            raise WrongBlob("the bytes do not match the requested blob")
        if not self._size:
            raise WrongBlob("a blob must have at least one byte")
        self._file.flush()
        await self._move(self._path, found, self._size)
        return found


def _move(draft: Path, path: Path) -> None:
    sync(draft)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft.replace(path)
    sync(path.parent)


def _names(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)  # noqa: PTH208 - only names are needed, of many thousands
    except OSError:
        return []
