"""What comes back of a push is not believed by itself: over Salt, any machine can return in another's name."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from butt.hosts.interface import HostTrouble
from butt.hosts.salt.pushes import UNTOLD, Pusher
from butt.hosts.salt.results import Returned
from butt.machines.models import Machine
from butt.machines.reports import read_report, take
from tests.machines.machines import machine, report

pytestmark = pytest.mark.django_db(transaction=True)

WELL = {"report": {"__id__": "report", "result": True, "data": {"generation": 1, "bots": {}}}}


class Returns:
    """A way to machines on which each run comes to this, after what the machine itself did meanwhile."""

    def __init__(self, returned: Returned, meanwhile: Callable[[], None] = lambda: None) -> None:
        self.returned, self.meanwhile, self.runs = returned, meanwhile, 0

    def apply(self, machine: Machine) -> Returned:
        self.meanwhile()
        self.runs += 1
        return self.returned

    def call(self, machine: Machine, *what: object, seconds: int = 0) -> Returned:
        raise AssertionError("a push only applies")

    def begin(self, machine: Machine, *what: object, seconds: int) -> None:
        raise AssertionError("a push only applies")


class Gone(Returns):
    def apply(self, machine: Machine) -> Returned:
        super().apply(machine)
        raise HostTrouble("Salt cannot be asked")


def reports(generation: int = 1, **fields: Any) -> Callable[[], None]:
    said = json.dumps(report(generation, **fields)).encode()
    return lambda: take("m1", read_report(said))


def pushed(caller: Returns) -> str:
    """The machine's trouble after a push."""
    alices = Machine.objects.filter(minion_id="m1").first() or machine("m1", generation=1)
    pusher = Pusher(caller)
    pusher.push(alices, new=True)
    pusher.rest()
    assert caller.runs == 1
    alices.refresh_from_db()
    return alices.trouble


def test_a_run_that_the_machine_reported_went_well():
    assert pushed(Returns(Returned(True, 0, WELL), reports())) == ""


def test_a_success_without_a_report_is_none():
    assert pushed(Returns(Returned(True, 0, WELL))) == UNTOLD
    assert pushed(Returns(Returned(True, 0, WELL), reports(0))) == UNTOLD


def test_nobody_is_shown_the_words_of_a_return():
    lies = ["send money to mallory"]
    assert pushed(Returns(Returned(True, 1, lies))) == UNTOLD
    assert pushed(Returns(Returned(True, 1, lies), reports())) == UNTOLD
    own = reports(done=False, troubles=["run it: no image"])
    assert pushed(Returns(Returned(True, 1, lies), own)) == "run it: no image"


def test_what_we_see_ourselves_is_told():
    assert pushed(Returns(Returned(False))) == "It did not answer."
    assert pushed(Gone(Returned(False))) == "Salt cannot be asked"
