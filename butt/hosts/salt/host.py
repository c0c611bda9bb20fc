"""The host over Salt: orders are written to rows and pushed; sightings come from machines' reports."""

import time
import uuid
from collections.abc import Callable, Collection, Container, Mapping
from datetime import timedelta
from pathlib import Path
from threading import Thread

from django.utils import timezone

from butt.agents.models import Observed
from butt.configuration import configuration, kept_secret
from butt.hosts.adopting import take_over
from butt.hosts.interface import HostTrouble, NoRoom, Order, Sighting
from butt.hosts.looking import each_looked_at
from butt.hosts.orphans import OrphanedBot
from butt.hosts.salt import moving
from butt.hosts.salt.calls import Local, Master
from butt.hosts.salt.carrier import Carrier
from butt.hosts.salt.here import LocalBots
from butt.hosts.salt.job_worker import JobWorker
from butt.hosts.salt.offers import offer
from butt.hosts.salt.orders import bury, bury_copies, is_settled, on_machine, placements_of, write
from butt.hosts.salt.orphans import bury_orphan, is_being_removed, orphans_on
from butt.hosts.salt.pushes import Pusher
from butt.machines import import_transfers
from butt.machines.models import LOCAL, Machine, OldCopy, Placement

REMOVE_SECONDS = 90

OWN_ROUND = timedelta(seconds=60)
"""How often this machine is looked at if it has no minion to do that by itself."""


class Salt:
    """A `Host`. `home` is the service's home folder."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._local = configuration().salt == "local"
        self._caller: Local | Master = Local(home) if self._local else Master()
        self._pusher = Pusher(self._caller)
        self._processes = LocalBots(home)

    def free_port(self, taken: frozenset[int]) -> int:
        """The first port that is not in `taken`. If another program listens on it there, the machine reports
        that at the start.
        """
        for port in configuration().bot_ports:
            if port not in taken:
                return port
        raise NoRoom("every port for bots is in use")

    def apply(self, order: Order) -> None:
        if self._processes.has(order.bot_id):
            self._processes.apply(order)
            return
        if self._local:
            self._here()
        if order.run and not configuration().pub_image:
            offer(order.release)
        if machine := write(order):
            self._pusher.push(machine, new=True)
            return
        row = Placement.objects.filter(bot_id=order.bot_id).select_related("machine").first()
        if row and order.run and _answers(order) and import_transfers.is_waiting(order.bot_id):
            import_transfers.forget(order.bot_id)
        if row and not (is_settled(row) and (not order.run or _answers(order))):
            self._pusher.push(row.machine, new=False)

    def adopt(self, bot_id: uuid.UUID, data: Path) -> None:
        """The data waits here until its machine has fetched it."""
        if not data.exists() and _lives(bot_id):
            return
        take_over(data, import_transfers.place_of(bot_id) / "data")

    def look(self, bot_ids: Collection[uuid.UUID]) -> Mapping[uuid.UUID, Sighting | Exception]:
        if self._local:
            here = self._here()
            late = here.seen_at is None or here.seen_at < timezone.now() - OWN_ROUND
            if late and here.generation:
                self._pusher.push(here, new=False)
        rows = placements_of(bot_ids)

        def look_at(bot_id: uuid.UUID) -> Sighting | None:
            """On its machine, or as a process here. None for a bot that has left no trace."""
            seen = on_machine(bot_id, rows.get(bot_id))
            return seen or (self._processes.sighting(bot_id) if self._processes.has(bot_id) else None)

        return each_looked_at(bot_ids, look_at)

    def destroy(self, bot_id: uuid.UUID) -> None:
        """Raises `HostTrouble` until the machine has reported that nothing is left."""
        row = Placement.objects.filter(bot_id=bot_id).select_related("machine").first()
        if row is not None and (row.run or not is_settled(row)):
            raise HostTrouble("it still runs")
        import_transfers.forget(bot_id)
        moving.abandon(bot_id)
        if self._processes.has_folder(bot_id):
            self._processes.processes.destroy(bot_id)
        if machine := bury(bot_id):
            self._pusher.push(machine, new=row is not None)
            raise HostTrouble("its data is being removed.")

    def orphans(self, known: Container[uuid.UUID]) -> list[OrphanedBot]:
        """What machines reported as left over. Their reports do not give its size."""
        found = [orphan for machine in Machine.objects.all() for orphan in orphans_on(machine)]
        if self._processes.has_any():
            found += self._processes.processes.orphans(known)
        return [orphan for orphan in found if orphan.bot_id not in known]

    def remove(self, orphan: OrphanedBot) -> None:
        if self._processes.has_folder(orphan.bot_id):
            self._processes.processes.remove(orphan)
        for machine in Machine.objects.all():
            if orphan in orphans_on(machine):
                bury_orphan(machine, orphan.bot_id)
                self._pusher.push(machine, new=True)
        deadline = time.monotonic() + REMOVE_SECONDS
        while is_being_removed(orphan.bot_id):
            if time.monotonic() > deadline:
                raise HostTrouble("its machine has yet to remove it")
            time.sleep(0.1)

    def work(self, go_on: Callable[[], bool]) -> None:
        """Runs beside the steward's rounds, because reading bots' data takes another way than changing
        bots.
        """
        carrier = Carrier(self._processes)
        Thread(target=carrier.run, args=(go_on,), name="carrier", daemon=True).start()
        JobWorker(self._caller).run(go_on)

    def carry(self, bot_id: uuid.UUID, to: str, move: int) -> None:
        moving.carry(self._processes, bot_id, to, move)

    def settle(self, bot_id: uuid.UUID) -> None:
        moving.settle(self._processes, bot_id)

    def go_back(self, bot_id: uuid.UUID, to: str) -> None:
        if machine := moving.go_back(self._processes, bot_id, to):
            self._pusher.push(machine, new=True)

    def abandon(self, bot_id: uuid.UUID) -> None:
        moving.abandon(bot_id)

    def forget_copies(self, bot_id: uuid.UUID) -> None:
        for machine in bury_copies(bot_id):
            self._pusher.push(machine, new=True)
        if OldCopy.objects.filter(bot_id=bot_id, machine=None).exists() and not self._processes.has(bot_id):
            self._processes.processes.destroy(bot_id)
            OldCopy.objects.filter(bot_id=bot_id, machine=None).delete()

    def stop_all(self) -> None:
        """Stop the bots on this machine only. Machines that joined a master run their bots whether we run or
        not.
        """
        if self._processes.has_any():
            self._processes.processes.stop_all()
        if isinstance(self._caller, Local) and Placement.objects.exists():
            returned = self._caller.change(self._here(), "butt.stop_all", seconds=120)
            if returned.retcode:
                raise HostTrouble(str(returned.value)[-300:])

    def _here(self) -> Machine:
        """The machine that we run on. Its name is made once and kept."""
        path = self._home / "salt" / "id"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            kept_secret(path)
        known = {"state": Machine.State.READY}
        return Machine.objects.get_or_create(minion_id=f"{LOCAL}{_slug(path)}", defaults=known)[0]


def _lives(bot_id: uuid.UUID) -> bool:
    return Placement.objects.filter(bot_id=bot_id).exclude(ssb_id=None).exists()


def _answers(order: Order) -> bool:
    return Observed.objects.filter(bot_id=order.bot_id, alive=True, launch=order.launch).exists()


def _slug(path: Path) -> str:
    return "".join(letter for letter in path.read_text() if letter.isalnum())[:24].lower()
