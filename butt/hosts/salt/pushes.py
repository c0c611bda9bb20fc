"""Pushes: one at a time for each machine, beside the steward's rounds. What is wanted during one makes another.

What comes back of a push over Salt only says that something came: any machine can send it in another's name. What is
believed, and shown to people, is what the machine itself reported meanwhile.
"""

import logging
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from threading import Lock

from django.db import close_old_connections, connection

from butt.hosts.interface import HostTrouble
from butt.hosts.salt.calls import Caller
from butt.hosts.salt.results import troubles
from butt.machines.models import Machine

log = logging.getLogger("butt.hosts.salt")

AT_ONCE = 8
PAUSE = 3.0
"""Seconds between pushes that nothing new is the reason for."""

LONGEST_PAUSE = 60.0
UNTOLD = "It could not do as it was told."


class Pusher:
    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self._lock = Lock()
        self._again: dict[uuid.UUID, bool] = {}
        self._rest: dict[uuid.UUID, tuple[float, int]] = {}
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="push")

    def push(self, machine: Machine, *, new: bool) -> None:
        """Have the machine carry out its orders soon. Without anything `new` it is left alone for a while after a push."""
        with self._lock:
            if machine.id in self._again:
                self._again[machine.id] |= new
                return
            if not new and time.monotonic() < self._rest.get(machine.id, (0.0, 0))[0]:
                return
            self._again[machine.id] = False
        self._threads.submit(self._work, machine.id)

    def rest(self) -> None:
        """When all that was begun is done."""
        self._threads.shutdown(wait=True)

    def _work(self, machine_id: uuid.UUID) -> None:
        more = True
        while more:
            well = False
            try:
                well = self._push(machine_id)
            except Exception:
                log.exception("a push to %s did not end well", machine_id)
            with self._lock:
                fails = 0 if well else self._rest.get(machine_id, (0.0, 0))[1] + 1
                pause = min(PAUSE * 2 ** max(0, fails - 1), LONGEST_PAUSE)
                self._rest[machine_id] = (time.monotonic() + pause, fails)
                more = self._again[machine_id]
                if more:
                    self._again[machine_id] = False
                else:
                    del self._again[machine_id]
        connection.close()

    def _push(self, machine_id: uuid.UUID) -> bool:
        close_old_connections()
        machine = Machine.objects.get(id=machine_id)
        rows = machine.placements.values_list("bot_id", "run")
        wanted = {str(bot_id): run for bot_id, run in rows}
        try:
            returned = self._caller.apply(machine)
        except HostTrouble as trouble:
            return _note(machine, str(trouble))
        found = troubles(returned, machine.generation, wanted)
        if found:
            log.warning("of %s there came: %s", machine.minion_id, "; ".join(found[:5]))
        if not returned.answered:
            return _note(machine, found[0])
        now = Machine.objects.get(id=machine_id)
        reported = now.seen_at != machine.seen_at
        if found or not reported or now.seen_generation < machine.generation:
            return _note(machine, (now.trouble if reported else "") or UNTOLD)
        return _note(machine, "")


def _note(machine: Machine, trouble: str) -> bool:
    """Whether there is none."""
    Machine.objects.filter(id=machine.id).update(trouble=trouble)
    return not trouble
