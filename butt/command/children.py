"""The parts of the service as processes, forked from one that has loaded what they share: less memory, a quicker start."""

import gc
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from multiprocessing.process import BaseProcess

from setproctitle import setproctitle

from butt.command import main
from butt.configuration import configuration

SHARED = (
    "django.core.handlers.asgi",
    "django.template.engine",
    "ninja",
    "uvicorn.main",
    "butt.steward.steward",
    "butt.monitor.monitor",
)
"""Modules that more than one part needs."""

HEEDED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_fork = multiprocessing.get_context("fork")


class Nursery:
    """Make one while nothing else runs here: no thread and no open connection may exist when it forks."""

    def __init__(self) -> None:
        from django.db import connections

        for module in SHARED:
            import_module(module)
        connections.close_all()
        gc.collect()
        # Otherwise each part's garbage collector would touch all of it, and cause it to be copied.
        gc.freeze()
        # Only this process holds the write end: it closes with us, however we end.
        self._end, self._hold = os.pipe()

    def start(self, role: str) -> BaseProcess:
        """Start the part `butt ROLE`. It ends with this process, even if this process is killed."""
        part = _fork.Process(target=self._become, args=(role,), name=role, daemon=True)
        with _deaf():
            part.start()
        return part

    def _become(self, role: str) -> None:
        os.close(self._hold)
        # Ctrl-C reaches only the parent, which ends the parts in its own order.
        os.setsid()
        for number in HEEDED:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, HEEDED)
        setproctitle(f"butt {role} --home {configuration().home}")
        threading.Thread(target=self._end_with_parent, daemon=True).start()
        main([role])

    def _end_with_parent(self) -> None:
        os.read(self._end, 1)
        os._exit(0)


@contextmanager
def _deaf() -> Iterator[None]:
    """A signal that arrives while a child still has our handlers would be lost on it."""
    signal.pthread_sigmask(signal.SIG_BLOCK, HEEDED)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, HEEDED)
