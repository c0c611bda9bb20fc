"""Another domain, address or bind reaches each bot when it starts the next time, and nobody is cut off before that."""

import uuid
from collections.abc import Iterator, Mapping

import pytest
from django.utils import timezone

from butt.agents.actions import restart
from butt.agents.models import Agent, Progress
from butt.agents.states import State
from butt.configuration import configuration
from butt.hosts import Order, Sighting
from butt.steward.steward import Steward
from tests.people import bot_in, person

pytestmark = pytest.mark.django_db


class Host:
    """A host on which each bot starts and stops as soon as it is ordered to."""

    def __init__(self) -> None:
        self.orders: dict[uuid.UUID, Order] = {}

    def look(self, _: object) -> Mapping[uuid.UUID, Sighting]:
        return {bot_id: Sighting(running=order.run) for bot_id, order in self.orders.items()}

    def apply(self, order: Order) -> None:
        self.orders[order.bot_id] = order


@pytest.fixture
def bot() -> Agent:
    return bot_in(State.ALIVE, person("alice"))


@pytest.fixture
def moved(bot: Agent, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The service has another domain from now on, and bots are to listen elsewhere."""
    monkeypatch.setenv("BUTT_DOMAIN", "new.example.org")
    monkeypatch.setenv("BUTT_PUB_BIND", "192.0.2.1")
    configuration.cache_clear()
    yield
    monkeypatch.undo()
    configuration.cache_clear()


def test_a_bot_has_it_from_its_next_launch_on(bot: Agent, moved: None):
    host = Host()
    steward = Steward(host, ())  # type: ignore[arg-type]
    steward.round()
    assert Progress.objects.get(bot=bot).address == "127.0.0.1", "invites that are out lead where it listens"

    restart(person("alicia"), bot)
    for _ in range(5):
        Progress.objects.update(due_at=timezone.now())
        steward.round()
    told = host.orders[bot.id]
    assert (told.run, told.launch) == (True, 2)
    assert (told.address, told.bind) == ("my.new.example.org", "192.0.2.1")
    progress = Progress.objects.get(bot=bot)
    assert (progress.address, progress.port) == ("my.new.example.org", told.port)
