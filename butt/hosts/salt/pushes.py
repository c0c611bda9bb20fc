"""Pushes: one at a time for each machine, beside the steward's rounds. A push that is asked for during
another follows it.

The return of a push over Salt only shows that something came back: any machine can send it in another's name.
What is believed, and shown to people, is what the machine itself reported meanwhile.

A slow machine, such as one that builds an image, does not take the place of a fast one.
"""

import logging
import time
import uuid
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Lock

from django.db import close_old_connections, connection

from butt.hosts.interface import HostTrouble
from butt.hosts.salt.calls import Caller
from butt.hosts.salt.results import troubles
from butt.limits.table import PUSHES, SLOW_PUSHES
from butt.machines.models import Machine
from scuttlekit.backoff import backoff

log = logging.getLogger("butt.hosts.salt")

YOUNG = 20.0
"""A machine whose push takes longer than this many seconds is slow."""

PAUSE = 3.0
"""Seconds between pushes if there is nothing new."""

LONGEST_PAUSE = 60.0
UNTOLD = "It could not carry out its orders."


class Pusher:
    def __init__(self, caller: Caller, clock: Callable[[], float] = time.monotonic) -> None:
        self._caller, self._clock = caller, clock
        self._lock = Lock()
        self._again: dict[uuid.UUID, bool] = {}
        self._rest: dict[uuid.UUID, tuple[float, int]] = {}
        self._waiting: deque[uuid.UUID] = deque()
        self._running: dict[uuid.UUID, float] = {}
        self._slow = set[uuid.UUID]()
        self._threads = ThreadPoolExecutor(PUSHES.most + SLOW_PUSHES.most, thread_name_prefix="push")

    def push(self, machine: Machine, *, new: bool) -> None:
        """Have the machine carry out its orders soon. If nothing is `new`, it is left alone for a while after
        a push.
        """
        with self._lock:
            if machine.id in self._again:
                self._again[machine.id] |= new
            elif new or self._clock() >= self._rest.get(machine.id, (0.0, 0))[0]:
                self._again[machine.id] = False
                self._waiting.append(machine.id)
            self._begin_more()

    def rest(self) -> None:
        """Wait until everything that was started is done."""
        self._threads.shutdown(wait=True)

    def _begin_more(self) -> None:
        now, waits = self._clock(), deque[uuid.UUID]()
        self._slow |= {machine for machine, began in self._running.items() if now - began > YOUNG}
        while self._waiting:
            machine = self._waiting.popleft()
            if self._has_place(machine):
                self._running[machine] = now
                self._threads.submit(self._work, machine)
            else:
                waits.append(machine)
        self._waiting = waits

    def _has_place(self, machine: uuid.UUID) -> bool:
        slow = len(self._slow & self._running.keys())
        if machine in self._slow:
            return slow < SLOW_PUSHES.most
        return len(self._running) - slow < PUSHES.most and len(self._running) < PUSHES.most + SLOW_PUSHES.most

    def _work(self, machine_id: uuid.UUID) -> None:
        well, began = False, self._clock()
        try:
            # Our modules stay the same for as long as we run, and comparing them is half of a machine's work: it fetches
            # them at our first push, and after one that failed.
            well = self._push(machine_id, with_modules=self._rest.get(machine_id, (0.0, 1))[1] > 0)
        except Exception:
            log.exception("push to %s failed", machine_id)
        with self._lock:
            now = self._clock()
            fails = 0 if well else self._rest.get(machine_id, (0.0, 0))[1] + 1
            pause = backoff(max(0, fails - 1), PAUSE, LONGEST_PAUSE)
            self._rest[machine_id] = (now + pause, fails)
            del self._running[machine_id]
            self._slow.discard(machine_id)
            if now - began > YOUNG:
                self._slow.add(machine_id)
            if self._again[machine_id]:
                # Behind all others in the queue.
                self._again[machine_id] = False
                self._waiting.append(machine_id)
            else:
                del self._again[machine_id]
            self._begin_more()
        connection.close()

    def _push(self, machine_id: uuid.UUID, *, with_modules: bool) -> bool:
        close_old_connections()
        machine = Machine.objects.get(id=machine_id)
        rows = machine.placements.values_list("bot_id", "run")
        wanted = {str(bot_id): run for bot_id, run in rows}
        try:
            returned = self._caller.apply(machine, with_modules=with_modules)
        except HostTrouble as trouble:
            return _note(machine, str(trouble))
        found = troubles(returned, machine.generation, wanted)
        if found:
            log.warning("push to %s failed: %s", machine.minion_id, "; ".join(found[:5]))
        if not returned.answered:
            return _note(machine, found[0])
        now = Machine.objects.get(id=machine_id)
        reported = now.seen_at != machine.seen_at
        if found or not reported or now.seen_generation < machine.generation:
            return _note(machine, (now.trouble if reported else "") or UNTOLD)
        return _note(machine, "")


def _note(machine: Machine, trouble: str) -> bool:
    """Record the trouble; whether there is none."""
    Machine.objects.filter(id=machine.id).update(trouble=trouble)
    return not trouble
