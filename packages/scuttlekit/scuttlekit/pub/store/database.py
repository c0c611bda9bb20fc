"""The SQLite file of the index: for this process alone, and quick, as it can be made again.

SQLite does not wait for the disk (`synchronous = OFF`): a transaction is whole whatever happens to the process, but not if
the machine stops. So a mark lies beside the file while it is written, with the name of this run of the machine. A file that
was written in an earlier run may be broken without showing it, and is not used any more.
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
"""For how many seconds another program may hold the file."""

_SIDES: Final = ("", "-wal", "-shm", "-journal")
_RUN: Final = Path("/proc/sys/kernel/random/boot_id")


class IndexLost(Exception):
    """The index cannot be used. It is to be thrown away and made again."""


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
    """Raises IndexLost where the last page is cut: SQLite reads zeros for what is missing of it."""
    (size,) = connection.execute("PRAGMA page_size").fetchone()
    if path.stat().st_size % size:
        raise IndexLost("its end is missing")


def remove(path: Path) -> None:
    """Remove the file, and what lies beside it."""
    for side in _SIDES:
        path.with_name(path.name + side).unlink(missing_ok=True)
    Mark(path).remove()


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All of it or nothing."""
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
    """Tell what SQLite says as what it means here: OSError, where nothing but the disk is to blame; else IndexLost."""
    try:
        yield
    except sqlite3.Error as error:
        # The lower byte is the kind of error.
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        if code == sqlite3.SQLITE_FULL:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from error
        if code in {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM}:
            raise PermissionError(errno.EACCES, "the index beside the log cannot be written") from error
        if code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
            raise OSError(errno.EBUSY, "another program holds the index beside the log") from error
        raise IndexLost(str(error)) from error


class Mark:
    """The mark that lies beside a file while it is written."""

    def __init__(self, path: Path) -> None:
        self._path = path.with_name(f"{path.name}-open")
        self._is_set = False

    def set(self) -> None:
        """Have it on the disk before anything of the file can be. Raises OSError."""
        if not self._is_set:
            write_whole(self._path, _this_run(), lasting=True)
            self._is_set = True

    def check(self) -> None:
        """Raises IndexLost where it is of an earlier run of the machine, OSError."""
        try:
            self._is_set = self._path.read_text("utf-8", "replace") == _this_run()
        except FileNotFoundError:
            return
        if not self._is_set:
            raise IndexLost("the machine stopped while it was written")

    def remove_once_lasting(self, path: Path) -> None:
        """Have the file at `path`, which is closed, on the disk for good. Where that fails, the mark stays."""
        if self._is_set:
            with suppress(OSError):
                sync(path)
                sync(path.parent)
                self.remove()

    def remove(self) -> None:
        self._path.unlink(missing_ok=True)
        self._is_set = False


def _this_run() -> str:
    """A name for the time since the machine started; one that never comes again where the system tells none."""
    with suppress(OSError):
        return _RUN.read_text().strip()
    return secrets.token_hex(16)


def close(connection: sqlite3.Connection) -> None:
    """Close the file. Whatever is wrong with it shows when it is opened again."""
    with suppress(sqlite3.Error), closing(connection):
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
