"""What can be asked for: a machine for a person, a replacement, or none any more. The keeper carries it out.

Only rows are used: code that asks here calls no provider.
"""

import uuid
from collections.abc import Collection
from typing import Any

from django.db import transaction
from django.utils import timezone

from butt.agents.actions import Refused
from butt.agents.models import Agent
from butt.clouds.capacity import GB, MIB, Needs, best, disk_for, memory_for
from butt.clouds.cloud_init import STEPS as BOOT_STEPS
from butt.clouds.models import Rented, Stock, WantedMachine
from butt.configuration import configuration
from butt.machines.models import Machine


class NoMachineRoom(Exception):
    """There is no room anywhere for another bot of this person; the text is for them."""


def needs_of(bots: int) -> Needs:
    """What a machine for this many bots must have, as the operator has set it."""
    settings = configuration()
    return Needs(
        memory_for(bots, settings.bot_memory * MIB),
        disk_for(bots, settings.bot_disk * GB),
        settings.snapshots,
        settings.cloud_ipv4,
    )


def rent(agent_id: uuid.UUID, *, bots: int, names: Collection[str]) -> Rented:
    """Rent a machine for this person, with room for this many bots. Asking twice changes nothing."""
    with transaction.atomic():
        WantedMachine.objects.update_or_create(
            agent_id=agent_id, defaults={"present": True, "bots": bots, "names": sorted(names)}
        )
        rented, _ = Rented.objects.get_or_create(agent_id=agent_id, defaults={"since": timezone.now()})
        wake_keeper(agent_id)
    return rented


def give_back(agent_id: uuid.UUID) -> None:
    """Give up this person's machine and everything else of theirs: the data is deleted for good."""
    with transaction.atomic():
        if WantedMachine.objects.filter(agent_id=agent_id).update(present=False):
            Rented.objects.get_or_create(agent_id=agent_id, defaults={"since": timezone.now()})
            wake_keeper(agent_id)


def replace(agent_id: uuid.UUID) -> None:
    """Replace the machine and keep its volume: the present one has died or does not answer."""
    with transaction.atomic():
        for wanted in WantedMachine.objects.select_for_update().filter(agent_id=agent_id):
            wanted.replacements += 1
            wanted.save(update_fields=["replacements"])
            wake_keeper(agent_id)


def restore(agent_id: uuid.UUID, snapshot: str) -> None:
    """Make a lost volume again from this snapshot.

    Its logs are old: a pub refuses to start on a log that is behind what was seen of it, so no feed forks.
    """
    WantedMachine.objects.filter(agent_id=agent_id).update(snapshot=snapshot)
    wake_keeper(agent_id)


def wake_keeper(agent_id: uuid.UUID) -> None:
    """Have the keeper look at this person's machine now."""
    Rented.objects.filter(agent_id=agent_id).update(due_at=timezone.now())


def check_room(agent_id: uuid.UUID, bots: int) -> None:
    """Check that this person's machine, or one it can be exchanged for now, has room for this many bots. Raises
    `NoMachineRoom`.

    Reads rows only. If machines are not rented there are none, and room is not decided here. Once there is data, its volume
    fixes the zone.
    """
    if are_made() and not Stock.objects.exists():
        raise NoMachineRoom(
            "We do not know yet whether there is room for a bot. Please try again in a minute."
        )
    offers, needs = [row.offer for row in Stock.objects.all()], needs_of(bots)
    rented = Rented.objects.filter(agent_id=agent_id, held=True).first()
    if rented and any(
        (o.zone, o.type) == (rented.zone, rented.type) and o.memory >= needs.memory for o in offers
    ):
        return
    zones = [rented.zone] if rented else sorted({offer.zone for offer in offers})
    if offers and best(offers, needs, zones) is None:
        raise NoMachineRoom("There is no room for another bot right now. Please try again in a few minutes.")


def refuse_without_room(person: Agent, bots: int, **_: Any) -> None:
    """Called before a bot is made. Raises `Refused` `no_room`."""
    if not are_made():
        return
    try:
        check_room(person.id, bots)
    except NoMachineRoom as reason:
        raise Refused("no_room", str(reason)) from None


def are_made() -> bool:
    """Whether a machine is rented for each person, so that nobody's bots run anywhere else."""
    return configuration().cloud != "here"


def away(machine_id: uuid.UUID) -> str:
    """Why nothing runs on this person's machine now, in words; empty if it is there, or is not a rented one."""
    rented = Rented.objects.filter(agent_id=machine_id).first()
    machine = Machine.objects.filter(id=machine_id).first()
    if rented is None:
        return "" if machine else "its machine is being made."
    if rented.state == Rented.State.READY:
        return "" if machine and machine.seen_at else _starting(machine)
    return rented.reason or _WORDS.get(Rented.State(rented.state), "its machine is being made.")


def _starting(machine: Machine | None) -> str:
    """How far its boot has come, as the machine itself reports."""
    boot = machine.boot if machine else {}
    if not boot:
        return "its machine is starting."
    trouble = f" ({boot['trouble']})" if boot["trouble"] else ""
    return f"its machine is starting: {boot['what']}, step {boot['step']} of {BOOT_STEPS}{trouble}."


_WORDS = {
    Rented.State.CHANGING: "its machine is being changed.",
    Rented.State.REPLACING: "its machine is being replaced.",
    Rented.State.LEAVING: "its machine is being removed.",
}
