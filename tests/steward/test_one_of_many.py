"""One bot of which something unforeseen is wrong: the others of its round do not wait for it."""

import logging
import uuid
from collections.abc import Mapping
from datetime import timedelta

import pytest
from django.db import InterfaceError, OperationalError
from django.utils import timezone

from butt.agents.models import Agent, Progress, Wanted
from butt.agents.states import State
from butt.hosts import Order, Sighting
from butt.steward.steward import Steward
from tests.people import bot_in, person

pytestmark = pytest.mark.django_db


class Host:
    """A host on which all bots run, and that fails in its own way at one of them."""

    def __init__(self, bad: Agent, error: Exception) -> None:
        self._bad, self._error = bad, error
        self.stopped: list[uuid.UUID] = []

    def look(self, _: object) -> Mapping[uuid.UUID, Sighting]:
        running = Progress.objects.values_list("bot_id", "ssb_id")
        return {bot_id: Sighting(running=True, ssb_id=ssb_id) for bot_id, ssb_id in running}

    def apply(self, order: Order) -> None:
        if order.bot_id == self._bad.id:
            raise self._error
        if not order.run:
            self.stopped.append(order.bot_id)


@pytest.fixture
def bad() -> Agent:
    """The bot that the host fails at. It is looked at before the other one."""
    bot = bot_in(State.ALIVE, person("alice"), "bad")
    Progress.objects.filter(bot=bot).update(due_at=timezone.now() - timedelta(seconds=2))
    return bot


@pytest.fixture
def good(bad: Agent) -> Agent:
    """Another bot, which Bob has just stopped."""
    bot = bot_in(State.ALIVE, person("bob"), "good")
    Wanted.objects.filter(bot=bot).update(run=False)
    Progress.objects.filter(bot=bot).update(due_at=timezone.now() - timedelta(seconds=1))
    return bot


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), ValueError("/secret/place")])
def test_the_others_are_served_in_the_same_round(
    bad: Agent, good: Agent, error: Exception, caplog: pytest.LogCaptureFixture
):
    host = Host(bad, error)
    before = timezone.now()
    assert Steward(host, ()).round()  # type: ignore[arg-type]
    assert host.stopped == [good.id]
    waits = Progress.objects.get(bot=bad)
    assert waits.reason == "Something went wrong on our side. We will try again."
    assert before + timedelta(seconds=2) < waits.due_at < timezone.now() + timedelta(seconds=4)
    (told,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert "bad" in told.getMessage()
    assert str(error) in caplog.text


def test_it_goes_on_as_if_nothing_had_been(bad: Agent):
    host = Host(bad, ValueError("once"))
    Steward(host, ()).round()  # type: ignore[arg-type]
    Progress.objects.update(due_at=timezone.now())
    Steward(Host(Agent(), ValueError()), ()).round()  # type: ignore[arg-type]
    progress = Progress.objects.get(bot=bad)
    assert (progress.state, progress.reason) == (State.ALIVE, "")


@pytest.mark.parametrize("trouble", [OperationalError("the disk is full"), InterfaceError("it is gone")])
def test_trouble_of_the_database_is_everybodys(bad: Agent, good: Agent, trouble: Exception):
    host = Host(bad, trouble)
    with pytest.raises(type(trouble)):
        Steward(host, ()).round()  # type: ignore[arg-type]
    assert host.stopped == []


def test_one_that_cannot_be_looked_at_is_waited_for_alone(bad: Agent, good: Agent):
    host = Host(bad, ValueError())
    host.look = lambda _: {bad.id: RuntimeError("its folder is odd")}  # type: ignore[method-assign]
    assert Steward(host, ()).round()  # type: ignore[arg-type]
    assert host.stopped == [good.id]
    assert "try again" in Progress.objects.get(bot=bad).reason
