"""Carrying out the errands of those who read what bots on machines keep.

All of it comes over HTTP, with the machine's own token: over Salt any machine can speak in another's name.
"""

import json
import logging
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.db import connection
from django.utils import timezone

from butt.hosts.interface import HostTrouble
from butt.hosts.salt.calls import Caller
from butt.machines import errands, tails, uploads
from butt.machines.models import Errand, Tail, Upload
from butt.rounds import GoOn, rounds

log = logging.getLogger("butt.hosts.salt")

TICK, AFTER_TROUBLE, HOLD, TIDY = 0.25, 3.0, 10.0, 600.0
SEND_SECONDS = 3600
STOCK_BYTES = 4096
FOLLOW_SECONDS = int(tails.FOLLOW.total_seconds())


class Porter:
    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self._mine = set[uuid.UUID]()
        self._threads = ThreadPoolExecutor(errands.MOST_AT_ONCE, thread_name_prefix="porter")
        self._held = self._tidied = 0.0

    def run(self, go_on: GoOn) -> None:
        """Without end, as long as `go_on()`. Trouble of the database is waited out."""
        rounds(self.round, go_on, log, AFTER_TROUBLE)

    def round(self) -> float:
        """Whatever waits is begun; how long to rest then."""
        now, clock = timezone.now(), time.monotonic()
        if clock - self._held > HOLD:
            self._held = clock
            errands.hold(list(self._mine), now)
        for tail in tails.to_follow(now):
            self._follow(tail)
        if clock - self._tidied > TIDY or not self._tidied:
            self._tidied = clock
            errands.forget_old(now)
            tails.forget_old(now)
            uploads.forget_old(now - errands.KEPT)
        for errand in errands.waiting(now, errands.MOST_AT_ONCE - len(self._mine)):
            self._mine.add(errand.id)
            self._threads.submit(self._work, errand)
        return TICK

    def rest(self) -> None:
        """When all that was begun is done."""
        self._threads.shutdown(wait=True)

    def _follow(self, tail: Tail) -> None:
        try:
            self._caller.begin(
                tail.machine,
                "butt_exports.follow",
                str(tail.bot_id),
                FOLLOW_SECONDS,
                seconds=FOLLOW_SECONDS + 30,
            )
        except HostTrouble as trouble:
            log.warning("the log of %s: %s", tail.bot_id, trouble)
            tails.give_up(tail)

    def _work(self, errand: Errand) -> None:
        try:
            if trouble := _send(self._caller, errand):
                errands.done(errand.id, trouble=trouble)
        except HostTrouble as trouble:
            errands.done(errand.id, trouble=f"Its machine: {trouble}")
        except Exception:
            log.exception("an errand to %s did not end well", errand.machine)
        finally:
            self._mine.discard(errand.id)
            connection.close()


def _send(caller: Caller, errand: Errand) -> str:
    is_stock = errand.what == errands.STOCK
    most = STOCK_BYTES if is_stock else uploads.room()
    upload = uploads.expect(errand.machine, errand.bot_id, most, errand.id)
    if upload.arrived_at is None:
        arguments = (str(errand.bot_id), str(errand.id), errand.what)
        returned = caller.call(errand.machine, "butt_exports.send", *arguments, seconds=SEND_SECONDS)
        upload.refresh_from_db()
        if upload.arrived_at is None:
            log.warning("%s sends no %s: %s", errand.machine, errand.what, str(returned.value)[-300:])
            return "Its machine did not send it. Try again."
    errands.done(errand.id, _read(upload) if is_stock else None)
    return ""


def _read(upload: Upload) -> Any:
    """The JSON that has arrived, which goes thereby; None for what is none."""
    place = uploads.spooled(upload)
    try:
        return json.loads(place.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    finally:
        place.unlink(missing_ok=True)
