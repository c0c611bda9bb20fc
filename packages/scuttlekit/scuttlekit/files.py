"""Atomic file writes: a reader finds either the old content or all of the new, never half of it.

Needs the standard library alone: machines get this file as it is.
"""

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
    """Open a file for writing that replaces `path` if the block succeeds. It has `mode` from the start, whatever the umask.

    With `lasting`, it survives a power failure right after. With `first`, it never replaces a file: if two
    writers compete, one wins, and the other gets `FileExistsError`.
    """
    _sweep(path.parent)
    draft, number = _begin(path, mode)
    try:
        with open(number, "wb") as file:  # noqa: PTH123 - open already
            yield file
            file.flush()
            if lasting:
                os.fsync(file.fileno())
            # Before it is closed: after that, anybody may sweep it.
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
    """Write `content` atomically, as `whole_file` does."""
    with whole_file(path, mode=mode, lasting=lasting, first=first) as file:
        file.write(content.encode() if isinstance(content, str) else content)


def sync(path: Path) -> None:
    """Sync a file, or the names in a folder, to disk."""
    number = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def _begin(path: Path, mode: int) -> tuple[Path, int]:
    """Open a draft, locked against sweepers while the descriptor is open. The lock ends with its process."""
    while True:
        # The name is unique, so that two writers cannot move each other's half-written file.
        draft = path.with_name(f".{path.name}.{secrets.token_hex(NAME_BYTES)}.draft")
        number = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        os.fchmod(number, mode)
        with suppress(OSError):
            fcntl.flock(number, fcntl.LOCK_EX)
        if os.fstat(number).st_nlink:
            return draft, number
        # A sweeper came between opening and locking.
        os.close(number)


def _sweep(folder: Path) -> None:
    """Remove the drafts of killed writers: secrets must not lie about, nor half backups fill the disk."""
    for draft in folder.glob(DRAFTS):
        with suppress(OSError):
            number = os.open(draft, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            try:
                fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
                draft.unlink()
            finally:
                os.close(number)
