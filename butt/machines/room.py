"""Which machines can take a bot, and why the others cannot."""

import uuid

from django.db.models import Count, F, Q, QuerySet

from butt.agents.bots import ownerships
from butt.agents.models import Belongs
from butt.configuration import configuration
from butt.machines.models import Machine
from butt.machines.pillar import MOST_BOTS
from butt.machines.status import status_of

SPARE = 1 << 30
"""Bytes of a machine's disk that stay free besides the data that is moved there."""


def refusal(machine: Machine, bot_id: uuid.UUID, size: int) -> str:
    """Why this machine cannot take a bot with `size` bytes of data, in words; empty if it can."""
    name = machine.minion_id
    if configuration().cloud != "here":
        return "machines are rented for one person each here, and their bots stay with them."
    if machine.state != Machine.State.READY:
        return f"{name} is {machine.state} and gets no bots."
    if status_of(machine).is_silent:
        return f"{name} has not reported lately."
    if machine.person_id is not None and not _owners(bot_id).filter(target_agent=machine.person_id).exists():
        return f"{name} runs only the bots of one person, and this bot is not theirs."
    return _want_of_room(machine, size)


def _want_of_room(machine: Machine, size: int) -> str:
    free = status_of(machine).disk_free
    if machine.placements.count() >= MOST_BOTS:
        return f"{machine.minion_id} has {MOST_BOTS} bots, which is the maximum."
    if free is not None and free < size + SPARE:
        return f"the disk of {machine.minion_id} has no room for it."
    return ""


def open_to(bot_id: uuid.UUID) -> QuerySet[Machine]:
    """The machines that are ready and may have this bot: its own person's first, then the emptiest."""
    persons = _owners(bot_id).order_by("id").values("target_agent")[:1]
    ready = Machine.objects.filter(state=Machine.State.READY).annotate(load=Count("placements"))
    free = ready.filter(Q(person__in=persons) | Q(person=None), load__lt=MOST_BOTS)
    return free.order_by(F("person").asc(nulls_last=True), "load", "created_at")


def _owners(bot_id: uuid.UUID) -> QuerySet[Belongs]:
    return ownerships().filter(source_agent=bot_id)
