"""The return of a push is not believed by itself: over Salt, any machine can return in another's name."""

import json
import threading
from collections.abc import Callable
from typing import Any

import pytest

from butt.hosts.interface import HostTrouble
from butt.hosts.salt.pushes import UNTOLD, YOUNG, Pusher
from butt.hosts.salt.results import Returned
from butt.limits.table import PUSHES, SLOW_PUSHES
from butt.machines.models import Machine
from butt.machines.reports import read_report, take
from tests.machines.machines import machine, report
from tests.service import wait_for

pytestmark = pytest.mark.django_db(transaction=True)

WELL = {"report": {"__id__": "report", "result": True, "data": {"generation": 1, "bots": {}}}}


class Returns:
    """A way to machines on which each run returns this, after what the machine itself did meanwhile."""

    def __init__(self, returned: Returned, meanwhile: Callable[[], None] = lambda: None) -> None:
        self.returned, self.meanwhile, self.runs = returned, meanwhile, 0
        self.with_modules: list[bool] = []

    def apply(self, machine: Machine, *, with_modules: bool) -> Returned:
        self.meanwhile()
        self.runs += 1
        self.with_modules.append(with_modules)
        return self.returned

    def call(self, machine: Machine, *what: object, seconds: int = 0) -> Returned:
        raise AssertionError("a push only applies")

    def begin(self, machine: Machine, *what: object, seconds: int) -> None:
        raise AssertionError("a push only applies")


class Gone(Returns):
    def apply(self, machine: Machine, *, with_modules: bool) -> Returned:
        super().apply(machine, with_modules=with_modules)
        raise HostTrouble("Salt cannot be called")


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


def test_a_run_that_the_machine_confirmed_succeeded():
    assert pushed(Returns(Returned(True, 0, WELL), reports())) == ""


def test_a_return_without_a_report_is_not_a_success():
    assert pushed(Returns(Returned(True, 0, WELL))) == UNTOLD
    assert pushed(Returns(Returned(True, 0, WELL), reports(0))) == UNTOLD


def test_the_text_of_a_return_is_never_shown():
    lies = ["send money to mallory"]
    assert pushed(Returns(Returned(True, 1, lies))) == UNTOLD
    assert pushed(Returns(Returned(True, 1, lies), reports())) == UNTOLD
    own = reports(done=False, troubles=["run it: no image"])
    assert pushed(Returns(Returned(True, 1, lies), own)) == "run it: no image"


def test_our_own_errors_are_shown():
    assert pushed(Returns(Returned(False))) == "It did not answer."
    assert pushed(Gone(Returned(False))) == "Salt cannot be called"


def test_a_machine_fetches_the_modules_once_and_again_after_a_failure():
    alices, caller = machine("m1", generation=1), Returns(Returned(True, 0, WELL), reports())
    pusher = Pusher(caller)

    def push(returned: Returned) -> None:
        caller.returned, runs = returned, caller.runs
        pusher.push(alices, new=True)
        wait_for(lambda: caller.runs > runs and not pusher._again)

    for returned in (Returned(True, 0, WELL), Returned(True, 0, WELL), Returned(False)):
        push(returned)
    assert caller.with_modules == [True, False, False]
    push(Returned(True, 0, WELL))
    push(Returned(True, 0, WELL))
    pusher.rest()
    assert caller.with_modules == [True, False, False, True, False]


class Slow(Returns):
    """Machines of which some do not finish until they are let."""

    def __init__(self) -> None:
        super().__init__(Returned(False))
        self.began, self.ends, self._lock = list[str](), threading.Event(), threading.Lock()

    def apply(self, machine: Machine, *, with_modules: bool) -> Returned:
        with self._lock:
            self.began.append(machine.minion_id)
        if machine.minion_id.startswith("slow"):
            assert self.ends.wait(60)
        return self.returned


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_slow_machines_do_not_delay_others():
    caller, clock = Slow(), Clock()
    pusher = Pusher(caller, clock)
    slow = [machine(f"slow{n}", generation=1) for n in range(PUSHES.most)]
    quick = machine("quick", generation=1)
    try:
        for each in slow:
            pusher.push(each, new=True)
        wait_for(lambda: len(caller.began) == PUSHES.most)
        pusher.push(quick, new=True)
        assert "quick" not in caller.began, "all places are taken, by whom nobody knows yet to be slow"
        clock.now += YOUNG + 1
        pusher.push(quick, new=True)
        wait_for(lambda: "quick" in caller.began)
    finally:
        caller.ends.set()
    pusher.rest()


def test_slow_machines_take_only_the_places_for_slow_ones():
    caller, clock = Slow(), Clock()
    pusher = Pusher(caller, clock)
    slow = [machine(f"slow{n}", generation=1) for n in range(PUSHES.most + SLOW_PUSHES.most + 4)]
    try:
        for number in range(0, len(slow), PUSHES.most):
            for each in slow[number : number + PUSHES.most]:
                pusher.push(each, new=True)
            clock.now += YOUNG + 1
        pusher.push(slow[0], new=True)
        wait_for(lambda: len(caller.began) == PUSHES.most + SLOW_PUSHES.most)
        assert len(set(caller.began)) == len(caller.began), "each once at a time"
    finally:
        caller.ends.set()
    pusher.rest()
