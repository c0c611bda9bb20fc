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
"""What more than one part needs. No server of ours: each makes settings of Django its own when it is loaded."""

HEEDED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_fork = multiprocessing.get_context("fork")


class Nursery:
    """Make one when nothing else runs here: no thread and no open connection may be there to be forked with."""

    def __init__(self) -> None:
        from django.db import connections

        for module in SHARED:
            import_module(module)
        connections.close_all()
        gc.collect()
        # Else each part's collector would touch all of it, and have it copied.
        gc.freeze()
        # Only we hold the end that could be written to: it closes with us, however we end.
        self._end, self._hold = os.pipe()

    def start(self, role: str) -> BaseProcess:
        """The part `butt ROLE`. It ends with this process, even when that is killed."""
        part = _fork.Process(target=self._become, args=(role,), name=role, daemon=True)
        with _deaf():
            part.start()
        return part

    def _become(self, role: str) -> None:
        os.close(self._hold)
        # Ctrl-C reaches us alone, and the parts end in our order.
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
    """A signal that comes while a child still heeds it as we do would be lost on it."""
    signal.pthread_sigmask(signal.SIG_BLOCK, HEEDED)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, HEEDED)
