"""What operators do to a machine: keep new bots away, and move all bots away, one after the other."""

from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from butt.agents import journal
from butt.agents.bots import bots
from butt.agents.models import Agent
from butt.machines import registry
from butt.machines.models import Machine
from butt.operating import NotDone
from butt.operating.moving import bots_on, is_under_way, move, other_machine

Actor = Agent | str


def drain(actor: Actor, machine: Machine, reason: str) -> None:
    """Place no new bots on it. Its bots stay. Raises `NotDone`."""
    with transaction.atomic():
        if not registry.drain(machine):
            raise NotDone(f"{machine.minion_id} is {machine.state}: there is nothing to do.")
        _note(machine, actor, "drained", reason)


def undrain(actor: Actor, machine: Machine, reason: str) -> None:
    """Have new bots placed on it again, and stop moving bots away. Raises `NotDone`."""
    with transaction.atomic():
        if not registry.drain(machine, undo=True):
            raise NotDone(f"{machine.minion_id} is {machine.state}: there is nothing to do.")
        Machine.objects.filter(id=machine.id).update(emptying={})
        _note(machine, actor, "opened again", reason)


def empty(actor: Actor, machine: Machine, reason: str) -> None:
    """Have all its bots moved to other machines, one after the other; a monitor does that. Raises `NotDone`."""
    with transaction.atomic():
        registry.drain(machine)
        machine = Machine.objects.select_for_update().get(id=machine.id)
        if machine.state != Machine.State.DRAINING:
            raise NotDone(f"{machine.minion_id} is {machine.state}: its bots cannot be moved away.")
        machine.emptying = {"who": journal.id_of(actor), "reason": reason}
        machine.save(update_fields=["emptying"])
        _note(machine, actor, "emptied", reason)


def go_on_emptying(now: datetime) -> None:  # noqa: ARG001 - each chore gets it
    """One step for each machine that is being emptied: if no move is under way there, move the next bot."""
    for machine in Machine.objects.exclude(emptying={}):
        if "trouble" not in machine.emptying:
            _go_on(machine)


def _go_on(machine: Machine) -> None:
    emptying = machine.emptying
    if last := bots().filter(id=emptying.get("bot")).first():
        if is_under_way(last):
            return
        if machine.placements.filter(bot=last).exists():
            # Trying it again would only stop it again and again, for nothing.
            _end(machine, f"{last.name} was not moved: {last.progress.move_notice or last.progress.reason}")
            return
    left = bots_on(machine)
    if not left:
        Machine.objects.filter(id=machine.id).update(emptying={})
        return
    bot = left[0]
    if is_under_way(bot):
        return
    try:
        with transaction.atomic():
            move(emptying["who"], bot, emptying["reason"], other_machine(bot, machine).minion_id)
            _asked(machine).update(emptying={**emptying, "bot": str(bot.id)})
    except NotDone as why:
        _end(machine, str(why))


def _asked(machine: Machine) -> QuerySet[Machine]:
    """The machine's row, unless somebody has ended this meanwhile."""
    return Machine.objects.filter(id=machine.id).exclude(emptying={})


def _end(machine: Machine, why: str) -> None:
    _asked(machine).update(emptying={**machine.emptying, "trouble": why[:300]})


def _note(machine: Machine, actor: Actor, what: str, reason: str) -> None:
    journal.note_on(machine.id, machine.minion_id, actor, what, reason=reason)
