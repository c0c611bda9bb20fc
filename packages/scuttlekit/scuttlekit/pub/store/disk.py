"""Syncing the log to disk, and handling failures."""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import Final, Protocol

from scuttlekit.pub.store.log import Log

SOON: Final = 0.5
"""Seconds after which appended messages are synced, without anybody asking."""


class Note(Protocol):
    """The pub's own latest sequence, recorded outside the log: the fork guard."""

    @property
    def latest(self) -> int: ...

    def note(self, latest: int, /) -> None:
        """Write that the pub's own feed has reached this sequence. Raises OSError."""

    def sync(self) -> None:
        """Bring what was noted to the disk. Raises OSError."""


class DiskSync:
    """Syncs the log to disk, then the note of the pub's own latest message. One sync serves all who wait for it.

    `own` returns the sequence of that message. `on_lasting` is called when more of the log is on disk. The
    first failure is kept, and nothing is written after it.
    """

    def __init__(
        self, log: Log, note: Note | None, own: Callable[[], int], on_lasting: Callable[[], None]
    ) -> None:
        self.lasting = log.end
        """The log is on disk up to this byte."""
        self.failed = asyncio.Event()
        self._log = log
        self._note = note
        self._own = own
        self._on_lasting = on_lasting
        self._lock = threading.Lock()
        self._is_closed = False
        self._syncing: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._fault: Exception | None = None
        self._lasted = asyncio.Event()

    @property
    def noted(self) -> int:
        """The pub's own latest sequence according to the note, 0 without one."""
        return self._note.latest if self._note else 0

    def fail(self, error: Exception) -> None:
        """Raise an error to all later users of the store. The first error counts."""
        if self._fault is None:
            self._fault = error
            self.failed.set()
            self._lasted.set()

    def check(self) -> None:
        """Raise the first failure, if there was one."""
        if self._fault:
            raise self._fault

    async def flush(self) -> None:
        """Wait until everything appended so far is on disk. Raises OSError."""
        end = self._log.end
        while self.lasting < end:
            self.check()
            lasted = self._lasted
            self._sync_soon()
            await lasted.wait()
        self.check()

    def flush_soon(self) -> None:
        """Sync everything appended so far within `SOON`."""
        if self._timer or self._syncing or self._fault or self.lasting >= self._log.end:
            return
        with contextlib.suppress(RuntimeError):
            self._timer = asyncio.get_running_loop().call_later(SOON, self._sync_soon)

    def while_open(self, work: Callable[[], None]) -> None:
        """Do work, possibly in another thread, unless the store is closed. It is not closed meanwhile."""
        with self._lock:
            if not self._is_closed:
                work()

    def close(self, close: Callable[[], None]) -> None:
        """Sync everything, then call `close`. Raises OSError."""
        if self._timer:
            self._timer.cancel()
        if self._syncing:
            self._syncing.cancel()
        try:
            if self._fault is None and self.lasting < self._log.end:
                self._write_through(self._own())
        finally:
            # A thread may be syncing right now.
            with self._lock:
                if not self._is_closed:
                    self._is_closed = True
                    close()

    def _sync_soon(self) -> None:
        """Start a sync, unless one is running."""
        if self._syncing is None:
            self._syncing = asyncio.get_running_loop().create_task(self._sync())

    async def _sync(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None
        try:
            end = self._log.end
            await asyncio.to_thread(self._write_through, self._own())
            self.lasting = end
            # Waiters that need more start another sync after this task.
            self._lasted.set()
            self._lasted = asyncio.Event()
            self._on_lasting()
        except OSError as error:
            self.fail(error)
        finally:
            self._syncing = None
        self.flush_soon()

    def _write_through(self, own: int) -> None:
        """Sync the log first, then the note: a note without its message would look like a log that lost it."""
        with self._lock:
            if self._is_closed:
                return
            self._log.sync()
            if self._note and own > self._note.latest:
                self._note.note(own)
                self._note.sync()
