"""Another program listens on a bot's port: the bot gets another port, or is `#broken` with that reason; never
a false `#alive`.
"""

import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from butt.agents.actions import create_bot
from butt.agents.models import Observed, Progress, Wanted
from butt.agents.states import State
from butt.hosts.processes import Processes
from tests.people import person
from tests.whole.by_hand import steward_of, turn_until

pytestmark = pytest.mark.django_db


class Strangers:
    """Programs that listen on a port and never answer."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack

    def take(self, port: int) -> None:
        listener = self._stack.enter_context(socket.socket())
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen()


@pytest.fixture
def strangers() -> Iterator[Strangers]:
    with ExitStack() as stack:
        yield Strangers(stack)


class TakenBetween(Processes):
    """A real host where another program is faster: the first port that it finds free is taken a moment
    later.
    """

    strangers: Strangers
    first: int | None = None

    def free_port(self, taken: frozenset[int]) -> int:
        port = super().free_port(taken)
        if self.first is None:
            self.first = port
            self.strangers.take(port)
        return port


def test_a_new_bot_takes_another_port(host: Processes, strangers: Strangers, tmp_path):
    host = TakenBetween(tmp_path)
    host.strangers = strangers
    bot = create_bot(person("alice"), "my")
    turn_until(State.ALIVE, steward_of(host), bot)
    progress = Progress.objects.get(bot=bot)
    assert progress.port != host.first
    assert progress.launch == 2


def test_a_known_bot_keeps_its_port_and_says_why_it_is_broken(host: Processes, strangers: Strangers):
    bot = create_bot(person("alice"), "my")
    steward = steward_of(host)
    turn_until(State.ALIVE, steward, bot)
    port = Progress.objects.get(bot=bot).port
    Wanted.objects.update(run=False)
    turn_until(State.STOPPED, steward, bot)

    with ExitStack() as stack:
        Strangers(stack).take(port)
        Wanted.objects.update(run=True)
        turn_until(State.BROKEN, steward, bot)
        assert f"{port}" in Progress.objects.get(bot=bot).reason
        assert Observed.objects.get(bot=bot).launch < Progress.objects.get(bot=bot).launch

    Wanted.objects.update(restarts=1)
    turn_until(State.ALIVE, steward, bot)
    assert Progress.objects.get(bot=bot).port == port
