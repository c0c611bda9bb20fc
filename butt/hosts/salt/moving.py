"""Moving bots between places: what the rows and folders say afterwards. The bots do not run meanwhile.

Each step can be repeated. If the process is killed within a step, the next look at the rows finds the step
done or does it again.
"""

import shutil
import uuid

from django.db import transaction

from butt.agents.models import Observed, Progress
from butt.hosts.adopting import take_over
from butt.hosts.interface import HostTrouble, Sighting
from butt.hosts.salt.carried import HERE, staging_of
from butt.hosts.salt.here import LocalBots
from butt.hosts.salt.orders import bury_on, is_settled
from butt.machines import import_transfers, room
from butt.machines.models import Machine, OldCopy, Placement, Transfer


def carry(here: LocalBots, bot_id: uuid.UUID, to: str, move: int) -> None:
    """Ask for the bot's data to be carried, once for each move."""
    if Transfer.objects.filter(bot_id=bot_id, move=move).exists():
        return
    abandon(bot_id)
    why = _refusal(here, bot_id, to)
    state = Transfer.State.FAILED if why else Transfer.State.ASKED
    Transfer.objects.create(bot_id=bot_id, to=to, move=move, state=state, words=why[:300])


def settle(here: LocalBots, bot_id: uuid.UUID) -> None:
    """Have the bot live where its data was carried to. The data that it leaves becomes an old copy."""
    transfer = Transfer.objects.get(bot_id=bot_id)
    row = Placement.objects.filter(bot_id=bot_id).select_related("machine").first()
    if transfer.to == (row.machine.minion_id if row else HERE):
        abandon(bot_id)
        return
    _refuse_what_may_run(here, bot_id, row)
    machine = Machine.objects.filter(minion_id=transfer.to).first()
    if transfer.to != HERE and machine is None:
        Transfer.objects.filter(bot_id=bot_id).update(state=Transfer.State.FAILED)
        return
    staged = staging_of(bot_id) / "data"
    if machine is None:
        # If it never ran at its last place, its data still waits to be fetched from there.
        here.processes.adopt(
            bot_id, staged if staged.exists() else import_transfers.place_of(bot_id) / "data"
        )
    elif staged.exists() or not import_transfers.is_waiting(bot_id):
        take_over(staged, import_transfers.place_of(bot_id) / "data")
    if row is None:
        here.folder(bot_id).moved.touch()
    progress = Progress.objects.get(bot_id=bot_id)
    with transaction.atomic():
        if row is None:
            OldCopy.objects.get_or_create(bot_id=bot_id, machine=None)
        else:
            _leave(row)
        if machine is not None:
            # There is no order yet: the next one starts it.
            Placement.objects.create(
                bot_id=bot_id,
                machine=machine,
                generation=machine.generation,
                run=False,
                launch=progress.launch,
                ssb_id=progress.ssb_id,
            )
        Transfer.objects.filter(bot_id=bot_id).delete()
    shutil.rmtree(staging_of(bot_id), ignore_errors=True)


def go_back(here: LocalBots, bot_id: uuid.UUID, to: str) -> Machine | None:
    """Have the bot live where it came from. Returns the machine that has to remove the data that it never
    ran, if there is one.
    """
    row = Placement.objects.filter(bot_id=bot_id).select_related("machine").first()
    if to == (row.machine.minion_id if row else HERE):
        return None
    _refuse_what_may_run(here, bot_id, row)
    copies = OldCopy.objects.filter(bot_id=bot_id)
    copy = copies.filter(machine=None).first() if to == HERE else copies.filter(machine__minion_id=to).first()
    if copy is None:
        raise HostTrouble(f"there is no copy of it on {to} to go back to")
    left = None
    with transaction.atomic():
        if row is not None:
            left = bury_on(row.machine_id, bot_id)
            row.delete()
        if copy.machine is not None:
            Placement.objects.create(
                bot_id=bot_id,
                machine=copy.machine,
                generation=copy.machine.generation,
                run=False,
                launch=copy.launch,
                order=copy.order,
                ssb_id=Progress.objects.get(bot_id=bot_id).ssb_id,
                tried=True,
            )
        copy.delete()
    if row is None:
        here.processes.destroy(bot_id)
    abandon(bot_id)
    return left


def abandon(bot_id: uuid.UUID) -> None:
    """Forget what was carried. Data that waits for a bot that never ran at its place is its only data, and
    stays.
    """
    Transfer.objects.filter(bot_id=bot_id).delete()
    shutil.rmtree(staging_of(bot_id), ignore_errors=True)
    if not waits_for_its_machine(Placement.objects.filter(bot_id=bot_id).first()):
        import_transfers.forget(bot_id)


def waits_for_its_machine(row: Placement | None) -> bool:
    """Whether the bot's data still waits here for its machine, where it has never run."""
    return row is not None and not row.tried and import_transfers.is_waiting(row.bot_id)


def _refuse_what_may_run(here: LocalBots, bot_id: uuid.UUID, row: Placement | None) -> None:
    """The steward saw that the bot does not run; since then only the steward could have started it."""
    if row is None:
        seen = here.processes.look([bot_id]).get(bot_id, Sighting())
        # What cannot be seen may run.
        runs = isinstance(seen, Exception) or seen.running
    else:
        runs = row.run or not is_settled(row)
    if runs:
        raise HostTrouble("it still runs")


def _leave(row: Placement) -> None:
    if row.order:
        OldCopy.objects.get_or_create(
            bot_id=row.bot_id, machine=row.machine, defaults={"launch": row.launch, "order": row.order}
        )
    row.delete()


def _refusal(here: LocalBots, bot_id: uuid.UUID, to: str) -> str:
    if to == HERE:
        return ""
    machine = Machine.objects.filter(minion_id=to).first()
    if machine is None:
        return f"there is no machine {to}."
    if here.has(bot_id) or Placement.objects.filter(bot_id=bot_id).exists():
        size = Observed.objects.values_list("disk", flat=True).get(bot_id=bot_id) or 0
        return room.refusal(machine, bot_id, size)
    return "it has no data yet."
