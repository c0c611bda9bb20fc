"""The heart of a process: it beats while the work goes on, so a process that hangs looks like one that died."""

import asyncio
import logging
import threading
import time
import uuid
from importlib.metadata import version

from django.db import DatabaseError, close_old_connections
from django.db.models.functions import Now

from butt.beats.counting import counted
from butt.beats.living import EVERY, forget_old
from butt.beats.models import Beat

log = logging.getLogger("butt.beats")

HANGS = 60.0
"""It stops beating after this many seconds without a pulse: a round of the steward may wait for a machine."""


class Heart:
    """`Heart("steward").start()`; then call `pulse()` again and again from where the work is done.

    Where several parts share a process, only one of their hearts `counts`, so that nothing is counted twice.
    """

    def __init__(self, part: str, *, counts: bool = True) -> None:
        self._part, self._id, self._counts = part, uuid.uuid4(), counts
        self._failed = self._stopped = False
        self._pulse = time.monotonic()

    def start(self) -> "Heart":
        threading.Thread(target=self._beat_for_ever, name="heart", daemon=True).start()
        return self

    def pulse(self) -> None:
        """Report that the work goes on."""
        self._pulse = time.monotonic()

    def follow(self, loop: asyncio.AbstractEventLoop) -> None:
        """Take the pulse of an event loop. Call it from that loop's own thread."""
        self.pulse()
        loop.call_later(EVERY.total_seconds() / 2, self.follow, loop)

    def beat(self) -> None:
        """Write the row once. A process that starts to beat also deletes the rows of those that ended long ago."""
        said = {"at": Now(), "counts": counted() if self._counts else []}
        if Beat.objects.filter(id=self._id).update(**said):
            return
        Beat.objects.create(id=self._id, part=self._part, release=version("butt"), **said)
        forget_old()

    def stop(self) -> None:
        """The part ends as it was told to: nobody has to wait until it is considered dead."""
        self._stopped = True
        try:
            Beat.objects.filter(id=self._id).delete()
        except DatabaseError:
            log.info("cannot record in the database that this part ends; it will soon count as dead")

    def _beat_for_ever(self) -> None:
        while not self._stopped:
            if time.monotonic() - self._pulse < HANGS:
                self._try()
            time.sleep(EVERY.total_seconds())

    def _try(self) -> None:
        try:
            self.beat()
        except DatabaseError as error:
            if not self._failed:
                log.warning("cannot record in the database that this part is alive; trying again: %s", error)
            self._failed = True
            close_old_connections()
        else:
            self._failed = False
