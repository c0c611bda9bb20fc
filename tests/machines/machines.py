"""A machine with a bot of Alice's, as host and reports would have left it."""

import uuid
from typing import Any

import pytest

from butt.agents.models import Agent
from butt.agents.states import State
from butt.hosts import Sighting
from butt.hosts.salt.orders import on_machine, placements_of
from butt.machines.models import Machine, Placement
from tests.people import bot_in, person


def machine(minion_id: str = "m1", **fields: Any) -> Machine:
    return Machine.objects.create(minion_id=minion_id, state=Machine.State.READY, **fields)


def place(bot: Agent, on: Machine, **fields: Any) -> Placement:
    on.generation += 1
    on.save()
    order = {
        "bind": "::",
        "address": "my.butt.nz",
        "port": 8100,
        "release": "r1",
        "masters": [],
        "sequence": 0,
        "on_trial": False,
        "previous": "",
    }
    plain = {"run": True, "launch": 1, "order": order}
    return Placement.objects.create(bot=bot, machine=on, generation=on.generation, **{**plain, **fields})


def placed_bot(owner: Agent, on: Machine, name: str = "my") -> Agent:
    bot = bot_in(State.ALIVE, owner, name)
    place(bot, on)
    return bot


def sighting_of(bot_id: uuid.UUID) -> Sighting | None:
    return on_machine(bot_id, placements_of([bot_id]).get(bot_id))


def report(generation: int = 1, **fields: Any) -> dict[str, Any]:
    return {"schema": 1, "complete": True, "generation": generation, "bots": {}, **fields}


@pytest.fixture
def alices() -> Machine:
    return machine("m1")


@pytest.fixture
def bot(alices: Machine) -> Agent:
    return placed_bot(person("alice"), alices)
