"""Who needs a machine: everybody whose bots must run somewhere. Nobody asks for one; it follows from the bots.

The machine that bots run on (`butt.machines`) has the id of the person it was rented for, so it is made once.
"""

import logging
import uuid
from collections import defaultdict
from datetime import timedelta

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from butt.agents.bots import ownerships
from butt.agents.models import Agent, Progress
from butt.clouds import cloud_init, joining, rentals
from butt.clouds.models import Rented, WantedMachine
from butt.machines import registry
from butt.machines.models import Machine, Placement

log = logging.getLogger("butt.clouds")

LOOKED_LATELY = timedelta(seconds=50)
"""A healthy machine is looked at every 60 s; one whose turn is further off than this was looked at just now."""


def settle() -> None:
    """Update which machines are wanted to match the bots. Can be repeated, and killed anywhere."""
    homes = _homes()
    wanted = WantedMachine.objects.in_bulk()
    known = set(Rented.objects.values_list("agent_id", flat=True))
    for person, names in homes.items():
        row = wanted.get(person)
        as_is = row and row.present and (row.bots, row.names) == (len(names), sorted(names))
        if not as_is or person not in known:
            rentals.rent(person, bots=len(names), names=names)
    for person, row in wanted.items():
        if person not in homes and (row.present or person not in known):
            rentals.give_back(person)
    _look_at_silent()


def _homes() -> dict[uuid.UUID, list[str]]:
    """The names of the bots on each person's machine: a bot stays where it is, and a new one goes to its first owner's machine.

    A bot on one of the operator's own machines needs no rented one.
    """
    kept = Q(source_agent__wanted__gone_at=None) | Q(source_agent__wanted__gone_at__gt=timezone.now())
    bots = ownerships().filter(kept, source_agent__type=Agent.Type.BOT)
    owners: dict[uuid.UUID, uuid.UUID] = {}
    names: dict[uuid.UUID, str] = {}
    for bot, person, name in bots.values_list("source_agent", "target_agent", "source_agent__name"):
        owners.setdefault(bot, person)
        names[bot] = name
    rented = set(WantedMachine.objects.values_list("agent_id", flat=True))
    placed = dict(Placement.objects.values_list("bot_id", "machine_id"))
    found: dict[uuid.UUID, list[str]] = defaultdict(list)
    for bot, person in owners.items():
        home = placed.get(bot, person)
        if home == person or home in rented:
            found[home].append(names[bot])
    return found


def _look_at_silent() -> None:
    """Have a machine looked at soon on which a bot stopped answering: the machine may be gone."""
    now = timezone.now()
    silent = Progress.objects.filter(
        state__in=("alive", "starting"), bot__observed__alive=False, bot__placement__isnull=False
    )
    machines = silent.values("bot__placement__machine_id")
    Rented.objects.filter(
        agent_id__in=machines, state=Rented.State.READY, due_at__gt=now, due_at__lt=now + LOOKED_LATELY
    ).update(due_at=now)


def machine_of(person: uuid.UUID) -> Machine:
    """The machine for this person's bots, accepted by the master."""
    machine, _ = Machine.objects.get_or_create(id=person)
    registry.admit(machine)
    return machine


def document(person: uuid.UUID, device: str) -> bytes:
    """What this person's machine boots with. What an earlier machine reported about itself does not apply to this one."""
    machine = machine_of(person)
    _tell_how_far_they_came(machine)
    return cloud_init.document(joining.minion_of(machine), device)


def _tell_how_far_they_came(machine: Machine) -> None:
    """The orders of its bots say up to which message each was seen: if the volume is older than that, none may publish."""
    with transaction.atomic():
        machine = Machine.objects.select_for_update().get(id=machine.id)
        machine.seen_at, machine.seen_generation, machine.trouble, machine.boot = None, 0, "", {}
        for row in Placement.objects.filter(machine=machine).select_related("bot__observed"):
            if row.bot.observed.sequence > row.order.get("sequence", 0):
                machine.generation += 1
                row.generation = machine.generation
                row.order["sequence"] = row.bot.observed.sequence
                row.save(update_fields=["generation", "order"])
        machine.save(update_fields=["seen_at", "seen_generation", "trouble", "boot", "generation"])


def forget(person: uuid.UUID) -> None:
    """Nothing of the person is left in the cloud: the machine's key may not join any more, and orders of deleted bots are
    removed.
    """
    machine = Machine.objects.filter(id=person).first()
    if machine is None:
        return
    with transaction.atomic():
        Placement.objects.filter(machine=machine, bot__wanted__gone_at__lte=timezone.now()).delete()
        registry.remove(machine)
    log.info("%s cannot join any more", machine.minion_id)
