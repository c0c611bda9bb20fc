"""Moving bots from machine to machine. This only writes what is wanted; the steward stops, carries and starts
them.
"""

from django.db import transaction
from django.db.models import F

from butt.agents import journal
from butt.agents.bots import bots
from butt.agents.models import Agent, Leg, Wanted
from butt.agents.states import State
from butt.agents.wake import wake_steward
from butt.configuration import configuration
from butt.machines import room
from butt.machines.models import Machine, Placement
from butt.operating import NotDone

HERE = "here"
"""The control plane itself, where bots run as processes."""

Actor = Agent | str


def move(actor: Actor, bot: Agent, reason: str, to: str) -> None:
    """Have the bot run on the machine `to`, or `here`. Raises `NotDone`."""
    if configuration().host != "salt":
        raise NotDone("There are no machines yet to move it to. Set BUTT_HOST=salt and add one first.")
    if to == place_of(bot):
        raise NotDone(f"{bot.name} is already there.")
    if to != HERE:
        _check(bot, to)
    with transaction.atomic():
        Wanted.objects.filter(bot=bot).update(moves=F("moves") + 1, place=to)
        journal.note(bot, actor, "move", to=to, reason=reason)
        wake_steward(bot.id)


def place_of(bot: Agent) -> str:
    """The machine that it is on; `here` if it has none."""
    row = Placement.objects.filter(bot=bot).select_related("machine").first()
    return row.machine.minion_id if row else HERE


def other_machine(bot: Agent, machine: Machine) -> Machine:
    """Where a bot of this machine could go: its owner's machine first, then the emptiest. Raises `NotDone`."""
    why = ""
    for other in room.open_to(bot.id).exclude(id=machine.id):
        why = room.refusal(other, bot.id, bot.observed.disk or 0)
        if not why:
            return other
    raise NotDone(
        f"There is no room for {bot.name} on another machine{f': {why}' if why else '.'} Add a machine, then try again."
    )


def bots_on(machine: Machine) -> list[Agent]:
    """The bots on a machine, by name."""
    return list(bots().filter(placement__machine=machine).order_by("name"))


def is_under_way(bot: Agent) -> bool:
    """Whether its last move is not finished. The move of a bot that should not run is finished once its data
    has arrived.
    """
    progress = bot.progress
    if bot.wanted.moves > progress.moves or progress.leg in (Leg.CARRYING, Leg.RETURNING):
        return True
    rests = (
        progress.state in (State.STOPPED, State.UNPAID, State.LEAVING)
        and place_of(bot) == progress.destination
    )
    return progress.leg == Leg.ARRIVING and not rests


def _check(bot: Agent, to: str) -> None:
    machine = Machine.objects.filter(minion_id=to).first()
    if machine is None:
        raise NotDone(f"There is no machine {to}. `butt machine list` shows them.")
    if why := room.refusal(machine, bot.id, bot.observed.disk or 0):
        raise NotDone(f"{bot.name} cannot go there: {why}")
