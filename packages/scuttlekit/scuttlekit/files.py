"""Files that are whole: who looks finds what was there before or all that is there now, never half of it."""

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

FOR_ITS_OWNER = 0o600
NAME_BYTES = 8
DRAFTS = f".*.{'[0-9a-f]' * 2 * NAME_BYTES}.draft"


@contextmanager
def whole_file(
    path: Path, *, mode: int = FOR_ITS_OWNER, lasting: bool = False, first: bool = False
) -> Iterator[BinaryIO]:
    """A file to write that takes its place at `path` when all went well, with `mode` from its first moment.

    A `lasting` one is there even if the machine loses power a moment later. A `first` one never takes another's place: of
    two that write at once one wins, and the other gets `FileExistsError`.
    """
    _sweep(path.parent)
    draft, number = _begin(path, mode)
    try:
        with open(number, "wb") as file:  # noqa: PTH123 - open already
            yield file
            file.flush()
            if lasting:
                os.fsync(file.fileno())
            # Before it is closed: from then on it is anybody's to sweep.
            if first:
                # A link, unlike a rename, fails when the name is taken.
                os.link(draft, path)
            else:
                draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    if lasting:
        sync(path.parent)


def write_whole(
    path: Path,
    content: str | bytes,
    *,
    mode: int = FOR_ITS_OWNER,
    lasting: bool = False,
    first: bool = False,
) -> None:
    """Write `content` as `whole_file` does."""
    with whole_file(path, mode=mode, lasting=lasting, first=first) as file:
        file.write(content.encode() if isinstance(content, str) else content)


def sync(path: Path) -> None:
    """Have what is at `path`, a file or a folder's names, on the disk for good."""
    number = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def _begin(path: Path, mode: int) -> tuple[Path, int]:
    """A draft that is kept from sweepers as long as its number is open; the lock ends with whoever holds it."""
    while True:
        # A name of its own: two that write at once would else move each other's half there.
        draft = path.with_name(f".{path.name}.{secrets.token_hex(NAME_BYTES)}.draft")
        number = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with suppress(OSError):
            fcntl.flock(number, fcntl.LOCK_EX)
        if os.fstat(number).st_nlink:
            return draft, number
        # A sweeper came between opening and locking.
        os.close(number)


def _sweep(folder: Path) -> None:
    """Remove what writers left there who were killed: a secret should not lie about, nor a half backup fill the disk."""
    for draft in folder.glob(DRAFTS):
        with suppress(OSError):
            number = os.open(draft, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
                draft.unlink()
            finally:
                os.close(number)
