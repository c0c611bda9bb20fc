"""A bot's network and hops, from its owner's choice to its pub's configuration."""

import base64
import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import pytest

from butt.agents.models import Agent, Wanted
from butt.agents.states import State
from butt.hosts.interface import Order, Sighting
from butt.hosts.salt.orders import write
from butt.machines.models import Placement
from butt.machines.pillar import pillar_of
from butt.services.pub_config import pub_config
from butt.steward.steward import Steward
from scuttlekit import network_key
from scuttlekit.pub.config import checked
from tests.machines.machines import machine
from tests.on_machines import module_of
from tests.people import bot_in, person, ssb_id

pytestmark = pytest.mark.django_db

OWN = base64.b64encode(b"n" * 32).decode()


class Ordered:
    """A host that carries nothing out: its orders are enough here."""

    def __init__(self) -> None:
        self.orders: list[Order] = []

    def look(self, _: object) -> Mapping[Any, Sighting]:
        return {}

    def apply(self, order: Order) -> None:
        self.orders.append(order)


def order_of(bot: Agent) -> Order:
    host = Ordered()
    Steward(host, (ssb_id(9),)).round()
    return next(order for order in host.orders if order.bot_id == bot.id)


@pytest.fixture
def bot() -> Agent:
    return bot_in(State.STARTING, person("alice"))


def told(bot: Agent) -> list[dict[str, Any]]:
    """The configuration of its pub as a process of this machine, and in a container of another."""
    order = order_of(bot)
    machine("m1")
    write(order)
    placed = json.loads(json.dumps(pillar_of("m1")["butt"]["bots"][str(bot.id)]))
    in_container = json.loads(module_of("butt_engine")["_config"](placed))
    here = {"path": "/bots/my", "host": order.bind, **pub_config(asdict(order))}
    return [here, in_container]


def test_a_pub_on_main_gets_no_setting_that_older_ones_do_not_know(bot: Agent):
    for config in told(bot):
        assert not {"caps", "hops"} & set(config)


@pytest.mark.parametrize("network", ["oasis", OWN])
def test_a_pub_in_another_network_gets_its_key(bot: Agent, network: str):
    Wanted.objects.filter(bot=bot).update(network=network)
    for config in told(bot):
        assert checked(config).network == network_key(network)


def test_a_pub_gets_hops_that_differ_from_the_default(bot: Agent):
    Wanted.objects.filter(bot=bot).update(hops=0)
    for config in told(bot):
        assert checked(config).hops == 0


def test_a_container_from_before_networks_stays_as_it_is(bot: Agent):
    machine("m1")
    order = order_of(bot)
    write(order)
    now = pillar_of("m1")["butt"]["bots"][str(bot.id)]["config"]
    row = Placement.objects.get(bot=bot)
    row.order = {name: value for name, value in row.order.items() if name not in {"network", "hops"}}
    row.save()
    assert pillar_of("m1")["butt"]["bots"][str(bot.id)]["config"] == now
