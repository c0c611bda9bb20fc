"""The processes of `butt up`, forked from one that has loaded what they share: less memory, a quicker start."""

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
from butt.command.minding import HEEDED
from butt.configuration import configuration
from butt.parts import BILLINGS, CLOUDS, HOSTS, part_named
from scuttlekit.pub.memory import keep

TOGETHER = "private steward monitor"
"""The process of these three parts. The public server has its own, as it serves strangers and must not reach hosts or keys."""

SHARED = (
    "django.core.handlers.asgi",
    "ninja",
    "uvicorn.main",
    "butt.serving.server",
    "butt.public.asgi",
    "butt.public.urls",
    "butt.private.urls",
    "butt.private.gate",
    "butt.private.sending",
    "butt.command.roles",
    "butt.command.together",
    "butt.billing.worker",
    "butt.copies.copying",
    "butt.sources.builder",
    "butt.steward.steward",
    "butt.monitor.monitor",
)
"""All modules that a process needs, also those of one alone: what is imported after the fork is not shared, and importing
it turns a third of what was shared into copies. Whoever imports a module is checked all the same.
"""

_fork = multiprocessing.get_context("fork")


class Nursery:
    """Make one while nothing else runs here: no thread and no open connection may exist when it forks."""

    def __init__(self) -> None:
        from django.db import connections

        for module in SHARED:
            import_module(module)
        settings = configuration()
        for group, name in ((HOSTS, settings.host), (CLOUDS, settings.cloud), (BILLINGS, settings.billing)):
            part_named(group, name).load()
        connections.close_all()
        # Otherwise each part's garbage collector would touch all of it, and cause it to be copied. It has not run here: what
        # it freed would be holes among the shared pages, which parts would fill.
        gc.freeze()
        # Only this process holds the write end: it closes with us, however we end.
        self.end, self.hold = os.pipe()

    def start(self, name: str) -> BaseProcess:
        """Start the process `name`. It ends with this process, even if this process is killed."""
        part = _fork.Process(target=self._become, args=(name,), name=name, daemon=True)
        with _deaf():
            part.start()
        return part

    def _become(self, name: str) -> None:
        os.close(self.hold)
        become(name, self.end)


def become(name: str, end: int) -> None:
    """Be the process `name` until the other end of the pipe `end` is closed."""
    gc.enable()
    keep()
    # Ctrl-C reaches only the parent, which ends the parts in its own order.
    os.setsid()
    for number in HEEDED:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, HEEDED)
    setproctitle(f"butt {name} --home {configuration().home}")
    threading.Thread(target=_end_with_parent, args=(end,), daemon=True).start()
    if name == TOGETHER:
        from butt.command.together import run_together

        run_together()
    else:
        main([name])


def _end_with_parent(end: int) -> None:
    os.read(end, 1)
    os._exit(0)


@contextmanager
def _deaf() -> Iterator[None]:
    """A signal that arrives while a child still has our handlers would be lost on it."""
    signal.pthread_sigmask(signal.SIG_BLOCK, HEEDED)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, HEEDED)
