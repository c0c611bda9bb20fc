"""Carrying out the errands of those who read what bots on machines keep.

All of it comes over HTTP, with the machine's own token: over Salt any machine can speak in another's name. A machine is only
told to send, and what comes is looked at: so one that is slow keeps no thread, and each has its share of what is under way.
"""

import json
import logging
import time
import uuid
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.utils import timezone

from butt.hosts.interface import HostTrouble
from butt.hosts.salt.calls import Caller
from butt.limits.slowed import note
from butt.limits.table import ERRANDS, MACHINE_ERRANDS
from butt.machines import errands, tails, uploads
from butt.machines.models import Errand, Tail, Upload
from butt.rounds import GoOn, rounds
from butt.waking.listening import listening

log = logging.getLogger("butt.hosts.salt")

TICK, SELDOM, AFTER_TROUBLE, HOLD, TIDY = 0.25, 2.0, 3.0, 10.0, 600.0
TELLING = 4
"""How many machines are told something at once: for each, a program of Salt's runs for about a second."""

SEND_SECONDS, STALL_SECONDS = 3600, 30.0
"""How long a machine may take to send something, and how long nothing of it may come."""

STOCK_BYTES = 4096
FOLLOW_SECONDS = int(tails.FOLLOW.total_seconds())
UNSENT = "Its machine did not send it. Try again."


@dataclass
class _Going:
    """An errand under way. Times are of the porter's clock, in seconds."""

    errand: Errand
    began: float
    moved: float
    came: int = 0
    is_told: bool = False


class Porter:
    def __init__(self, caller: Caller, clock: Callable[[], float] = time.monotonic) -> None:
        self._caller, self._clock = caller, clock
        self._going = dict[uuid.UUID, _Going]()
        self._threads = ThreadPoolExecutor(TELLING, thread_name_prefix="porter")
        self._held = self._tidied = 0.0

    def run(self, go_on: GoOn) -> None:
        """Without end, as long as `go_on()`. Trouble of the database is waited out."""
        with listening(Errand, Tail, Upload) as bell:
            rounds(self.round, go_on, log, AFTER_TROUBLE, bell.wait)

    def round(self) -> float:
        """Whatever waits is begun, and what has come is done; how long to rest then."""
        now, clock = timezone.now(), self._clock()
        if clock - self._held > HOLD:
            self._held = clock
            errands.hold(list(self._going), now)
        for tail in tails.to_follow(now):
            self._threads.submit(self._follow, tail)
        if clock - self._tidied > TIDY or not self._tidied:
            self._tidied = clock
            errands.forget_old(now)
            tails.forget_old(now)
            uploads.forget_old(now - errands.KEPT)
            uploads.forget_untaken(now - 2 * errands.PATIENCE)
        self._look(clock)
        under_way = Counter(going.errand.machine_id for going in self._going.values())
        for errand in errands.waiting(now, ERRANDS.most - len(self._going), under_way, MACHINE_ERRANDS.most):
            self._going[errand.id] = _Going(errand, clock, clock)
            self._threads.submit(self._tell, self._going[errand.id])
        return TICK if self._going else SELDOM

    def rest(self) -> None:
        """When every machine was told what it was to be told."""
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
        except Exception:
            log.exception("the log of %s cannot be followed", tail.bot_id)
        finally:
            connection.close()

    def _tell(self, going: _Going) -> None:
        errand = going.errand
        try:
            most = STOCK_BYTES if errand.what == errands.STOCK else uploads.room()
            upload = uploads.expect(errand.machine, errand.bot_id, most, errand.id)
            if upload.arrived_at is None:
                arguments = (str(errand.bot_id), str(errand.id), errand.what)
                self._caller.begin(errand.machine, "butt_exports.send", *arguments, seconds=SEND_SECONDS)
        except HostTrouble as trouble:
            errands.done(errand.id, trouble=f"Its machine: {trouble}")
        except Exception:
            log.exception("an errand to %s did not begin well", errand.machine)
            errands.done(errand.id, trouble=UNSENT)
        finally:
            going.moved, going.is_told = self._clock(), True
            connection.close()

    def _look(self, clock: float) -> None:
        """What came of those that are under way, and which of them do not go on."""
        ids = list(self._going)
        over = set(Errand.objects.filter(id__in=ids).exclude(done_at=None).values_list("id", flat=True))
        arrived = {upload.id: upload for upload in Upload.objects.filter(id__in=ids).exclude(arrived_at=None)}
        for errand_id in ids:
            if errand_id in over or self._is_over(self._going[errand_id], arrived.get(errand_id), clock):
                del self._going[errand_id]

    def _is_over(self, going: _Going, upload: Upload | None, clock: float) -> bool:
        errand = going.errand
        if upload is not None:
            trouble = "" if upload.size else UNSENT
            if trouble:
                uploads.spooled(upload).unlink(missing_ok=True)
            is_stock = errand.what == errands.STOCK and not trouble
            errands.done(errand.id, _read(upload) if is_stock else None, trouble)
            return True
        came = uploads.came_so_far(errand.id)
        if came != going.came:
            going.came, going.moved = came, clock
        if not going.is_told or (
            clock - going.moved <= STALL_SECONDS and clock - going.began <= SEND_SECONDS
        ):
            return False
        log.warning("%s sends no %s", errand.machine, errand.what)
        note(MACHINE_ERRANDS, f"machine {errand.machine}")
        errands.done(errand.id, trouble=UNSENT)
        uploads.forget(errand.id)
        return True


def _read(upload: Upload) -> Any:
    """The JSON that has arrived, which goes thereby; None for what is none."""
    place = uploads.spooled(upload)
    try:
        return json.loads(place.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    finally:
        place.unlink(missing_ok=True)
