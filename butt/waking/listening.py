"""Waiting until a table is written to. One thread of the process listens for everyone who waits in it."""

import asyncio
import atexit
import logging
import os
import select
import socket
import threading
import time
import uuid
import weakref
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from django.db import DatabaseError, close_old_connections, connection
from django.db.models import Model

from butt.waking.telling import CHANNEL, LONGEST, Word, folder

log = logging.getLogger("butt.waking")

UNHEARD = 0.25
"""The longest wait, in seconds, while announcements cannot be heard."""

QUIET = 30.0
"""After this many seconds without an announcement, the database is asked whether it is still there."""

AFTER_TROUBLE = 2.0


class WriteEvent:
    """Is set when a row of one of `tables` is added, deleted, or changed in columns other than `ignoring`.

    If it is set while nobody waits, the next wait ends at once. Only one caller may wait at a time.
    """

    def __init__(self, tables: Collection[str], ignoring: Collection[str] = ()) -> None:
        self._tables, self._ignoring = frozenset(tables), frozenset(ignoring)
        self._set = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        weakref.finalize(self, os.close, self._set)
        self._poll = select.poll()
        self._poll.register(self._set, select.POLLIN)

    def matches(self, word: Word) -> bool:
        if word.table not in self._tables:
            return False
        return not (word.columns and word.columns <= self._ignoring)

    def set(self) -> None:
        """Safe to call from a signal handler, as it takes no lock."""
        os.eventfd_write(self._set, 1)

    def wait(self, seconds: float) -> bool:
        """Whether it was set within this many seconds; waiting clears it."""
        if not self._poll.poll(1000 * (seconds if _listener.hears else min(seconds, UNHEARD))):
            return False
        self._clear()
        return True

    async def wait_async(self, seconds: float) -> bool:
        """Like `wait`, on an event loop."""
        loop, was_set = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(self._set, was_set.set)
        try:
            async with asyncio.timeout(seconds if _listener.hears else min(seconds, UNHEARD)):
                await was_set.wait()
        except TimeoutError:
            return False
        finally:
            loop.remove_reader(self._set)
        self._clear()
        return True

    def _clear(self) -> None:
        with suppress(BlockingIOError):
            os.eventfd_read(self._set)


class _Listener:
    """The thread that hears announcements and sets events. `hears` says whether they reach it now."""

    def __init__(self) -> None:
        self.events: tuple[WriteEvent, ...] = ()
        self.hears = False
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def add(self, event: WriteEvent) -> None:
        with self._lock:
            self.events = (*self.events, event)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._listen, name="listening", daemon=True)
                self._thread.start()

    def remove(self, event: WriteEvent) -> None:
        with self._lock:
            self.events = tuple(other for other in self.events if other is not event)

    def set_all(self) -> None:
        for event in self.events:
            event.set()

    def _listen(self) -> None:
        while True:
            try:
                words = _from_postgres() if connection.vendor == "postgresql" else _from_socket()
                for word in words:
                    if not self.hears:
                        # Rows may have been written before we listened: have everybody look once.
                        self.hears = True
                        self.set_all()
                    if word:
                        self._tell(word)
            except (DatabaseError, OSError) as error:
                log.warning("changes are not heard now, and are looked for: %s", error)
            self.hears = False
            close_old_connections()
            time.sleep(AFTER_TROUBLE)

    def _tell(self, text: str) -> None:
        words = [word for line in text.splitlines() if (word := Word.read(line))]
        for event in self.events:
            if any(event.matches(word) for word in words):
                event.set()


_listener = _Listener()


@contextmanager
def listening(*models: type[Model], ignoring: Collection[str] = ()) -> Iterator[WriteEvent]:
    """Within this block, an event that is set when the tables of these models are written to."""
    tables = [model._meta.db_table for model in models]  # noqa: SLF001 - documented by Django
    event = WriteEvent(tables, ignoring)
    _listener.add(event)
    try:
        yield event
    finally:
        _listener.remove(event)


def is_listening() -> bool:
    """Whether announcements reach this process now. While they do not, waits are short."""
    return _listener.hears


def set_all() -> None:
    """Wake everyone who waits in this process, for example when it is to end. Safe in a signal handler."""
    _listener.set_all()


def _from_postgres() -> Iterator[str]:
    """Announcements as they arrive; an empty one at the start, and whenever there was none for `QUIET` seconds."""
    connection.close()
    with connection.cursor() as cursor:
        cursor.execute(f"LISTEN {CHANNEL}")
    plain = connection.connection
    yield ""
    while True:
        for notice in plain.notifies(timeout=QUIET):
            yield notice.payload
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        yield ""


def _from_socket() -> Iterator[str]:
    """The same with SQLite. The socket is removed with the process."""
    home = folder()
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    place = os.open(home, os.O_PATH | os.O_DIRECTORY)
    name = f"{os.getpid()}-{uuid.uuid4().hex[:8]}"
    address = Path(f"/proc/self/fd/{place}/{name}")
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
            ear.bind(str(address))
            atexit.register((home / name).unlink, missing_ok=True)
            yield ""
            while True:
                yield ear.recv(LONGEST).decode("ascii", "replace")
    finally:
        address.unlink(missing_ok=True)
        os.close(place)
