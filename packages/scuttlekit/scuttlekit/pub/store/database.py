"""The SQLite file of the index: exclusive to this process, and fast rather than durable, since it can be rebuilt.

SQLite does not wait for the disk (`synchronous = OFF`): transactions are atomic if the process dies, but not
if the machine stops. So a mark file with the boot id lies beside the database while it is written. A database
written in an earlier boot may be silently corrupt, and is no longer used.
"""

import errno
import os
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Final

from scuttlekit.files import sync, write_whole

CACHE_KIB: Final = 1024
PATIENCE: Final = 5.0
"""Seconds to wait for another program that locks the file."""

_SIDES: Final = ("", "-wal", "-shm", "-journal")
_RUN: Final = Path("/proc/sys/kernel/random/boot_id")


class IndexLost(Exception):
    """The index is unusable, and must be deleted and rebuilt."""


def connect(path: Path) -> sqlite3.Connection:
    """Open the file. Raises sqlite3.Error."""
    connection = sqlite3.connect(path, isolation_level=None, timeout=PATIENCE, check_same_thread=False)
    try:
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
    except BaseException:
        connection.close()
        raise
    return connection


def check_whole(path: Path, connection: sqlite3.Connection) -> None:
    """Raise IndexLost if the last page is cut off, since SQLite would read the missing part as zeros."""
    (size,) = connection.execute("PRAGMA page_size").fetchone()
    if path.stat().st_size % size:
        raise IndexLost("its end is missing")


def remove(path: Path) -> None:
    """Remove the file, and the files beside it."""
    for side in _SIDES:
        path.with_name(path.name + side).unlink(missing_ok=True)
    Mark(path).remove()


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Run the block as one transaction."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        raise


@contextmanager
def translated() -> Iterator[None]:
    """Translate SQLite's errors: OSError if the disk or another program is to blame, else IndexLost."""
    try:
        yield
    except sqlite3.Error as error:
        # The low byte is the primary error code.
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        if code == sqlite3.SQLITE_FULL:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from error
        if code in {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM}:
            raise PermissionError(errno.EACCES, "the index beside the log cannot be written") from error
        if code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
            raise OSError(errno.EBUSY, "another program holds the index beside the log") from error
        raise IndexLost(str(error)) from error


class Mark:
    """The mark that lies beside a file while it is being written."""

    def __init__(self, path: Path) -> None:
        self._path = path.with_name(f"{path.name}-open")
        self._is_set = False

    def set(self) -> None:
        """Write the mark to disk, before anything of the file can be. Raises OSError."""
        if not self._is_set:
            write_whole(self._path, _this_run(), lasting=True)
            self._is_set = True

    def check(self) -> None:
        """Raise IndexLost if the mark is from an earlier boot. Raises OSError."""
        try:
            self._is_set = self._path.read_text("utf-8", "replace") == _this_run()
        except FileNotFoundError:
            return
        if not self._is_set:
            raise IndexLost("the machine stopped while it was written")

    def remove_once_lasting(self, path: Path) -> None:
        """Sync the closed file at `path` to disk, and remove the mark. If that fails, the mark stays."""
        if self._is_set:
            with suppress(OSError):
                sync(path)
                sync(path.parent)
                self.remove()

    def remove(self) -> None:
        self._path.unlink(missing_ok=True)
        self._is_set = False


def _this_run() -> str:
    """The boot id, or a name that is never used again if the system has none."""
    with suppress(OSError):
        return _RUN.read_text().strip()
    return secrets.token_hex(16)


def close(connection: sqlite3.Connection) -> None:
    """Close the file. Errors are ignored, since they show when it is opened again."""
    with suppress(sqlite3.Error), closing(connection):
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
