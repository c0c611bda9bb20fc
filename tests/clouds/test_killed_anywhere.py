"""The keeper is killed after any step, and any call fails before or after its effect: in the end there is one
of each, or nothing.
"""

import uuid
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scaleway_standin import StandIn

from butt.clouds import rentals
from butt.clouds.interface import Inventory, Job
from butt.clouds.keeper import Keeper
from butt.clouds.models import Rented, Stock, WantedMachine
from butt.clouds.scaleway import Scaleway
from tests.clouds.account import Account, at_standin, turn_until, turn_until_gone

FAULTS = ("drop", "500", "503", "429", "502", "drop_after", "500_after", "out_of_stock")
STEPS = 23
"""Making a machine takes 9 effects, replacing it 6 (its IPv6 address is another, and DNS follows), giving it back 8."""


class Killed(BaseException):
    """Like `kill -9`: no error handling may catch it."""


class Fragile:
    """The real cloud, for a keeper that is killed just before or just after an effect."""

    makes_machines = True

    def __init__(self, cloud: Scaleway, deaths: dict[int, str]) -> None:
        self._cloud, self._deaths, self.effects = cloud, deaths, 0
        self.zones, self.domain = cloud.zones, cloud.domain

    def inventory(self, zones: list[str]) -> Inventory:
        return self._cloud.inventory(zones)

    def offers(self) -> object:
        return self._cloud.offers()

    def device(self, volume_id: str) -> str:
        return self._cloud.device(volume_id)

    def carry_out(self, job: Job) -> None:
        death = self._deaths.get(self.effects)
        self.effects += 1
        if death == "before":
            raise Killed
        self._cloud.carry_out(job)
        if death == "after":
            raise Killed


def one_of_each(account: Account, rented: Rented) -> None:
    has = account.has()
    (server,) = has["server"]
    assert server["state"] == "running"
    assert len(has["volume"]) == 2, "its data and its root"
    assert len([volume for volume in has["volume"] if volume["id"] == rented.volume_id]) == 1
    assert sorted(ip["type"] for ip in has["ip"]) == ["routed_ipv4", "routed_ipv6"]
    assert len([group for group in has["group"] if not group["project_default"]]) == 1
    assert sorted(record["type"] for record in has["record"]) == ["A", "AAAA"]


def nothing(account: Account) -> None:
    has = account.has()
    assert not any(has[kind] for kind in ("server", "volume", "snapshot", "ip", "record")), has
    assert not [group for group in has["group"] if not group["project_default"]]


def live_and_let_die(anew: Callable[[], Keeper], what: str, agent_id: uuid.UUID) -> None:
    """Run rounds until it exists, or is gone, with a new keeper whenever one was killed."""
    for _ in range(200):
        keeper = anew()
        with suppress(Killed):
            if what == "gone":
                turn_until_gone(keeper, agent_id)
            else:
                turn_until(what, keeper, agent_id)
            return
    raise AssertionError("it never came to an end")


@pytest.fixture
def somewhere():
    with TemporaryDirectory() as folder:
        yield Path(folder)


deaths = st.dictionaries(st.integers(0, 30), st.sampled_from(["before", "after"]), max_size=6)
faults = st.lists(
    st.fixed_dictionaries({"do": st.sampled_from(FAULTS), "skip": st.integers(0, 12)}), max_size=5
).map(
    lambda rules: [
        {**rule, "method": method}
        for rule, method in zip(rules, ["POST", "PATCH", "PUT", "DELETE", "POST"], strict=False)
    ]
)
trouble = st.sampled_from(["none", "destroyed", "replaced", "grown"])


@pytest.mark.django_db
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(deaths=deaths, faults=faults, leaving_faults=faults, trouble=trouble)
def test_in_the_end_there_is_one_of_each_and_nothing_after_leaving(deaths, faults, leaving_faults, trouble):
    agent_id = uuid.uuid4()
    Stock.objects.all().delete()
    with (
        TemporaryDirectory() as folder,
        at_standin(StandIn(Path(folder), dns_zones=("example.org",))) as account,
    ):
        account.steer("faults", rules=faults)
        cloud = Fragile(account.cloud(), deaths)
        anew = partial(account.keeper, cloud)
        rentals.rent(agent_id, bots=1, names=["my"])
        live_and_let_die(anew, "ready", agent_id)
        before = Rented.objects.get(agent_id=agent_id)
        one_of_each(account, before)

        if trouble == "destroyed":
            account.steer("destroy", server=before.server_id)
            live_and_let_die(anew, "replacing", agent_id)
        elif trouble == "replaced":
            rentals.replace(agent_id)
            live_and_let_die(anew, "replacing", agent_id)
        elif trouble == "grown":
            rentals.rent(agent_id, bots=6, names=["my"])
            live_and_let_die(anew, "changing", agent_id)
        live_and_let_die(anew, "ready", agent_id)
        after = Rented.objects.get(agent_id=agent_id)
        one_of_each(account, after)
        assert (after.volume_id, after.address4) == (before.volume_id, before.address4)

        account.steer("faults", rules=leaving_faults)
        rentals.give_back(agent_id)
        live_and_let_die(anew, "gone", agent_id)
        nothing(account)
        assert not WantedMachine.objects.filter(agent_id=agent_id).exists()


@pytest.mark.django_db
@pytest.mark.parametrize("moment", range(STEPS))
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_keeper_killed_at_every_step_of_a_whole_life(account: Account, moment: int, when: str):
    agent_id = uuid.uuid4()
    cloud = Fragile(account.cloud(zones="fr-par-1"), {moment: when})
    anew = partial(account.keeper, cloud)
    rentals.rent(agent_id, bots=1, names=["my"])
    live_and_let_die(anew, "ready", agent_id)
    rentals.replace(agent_id)
    live_and_let_die(anew, "replacing", agent_id)
    live_and_let_die(anew, "ready", agent_id)
    one_of_each(account, Rented.objects.get(agent_id=agent_id))
    rentals.give_back(agent_id)
    live_and_let_die(anew, "gone", agent_id)
    assert moment < cloud.effects <= STEPS + 1, "each of its steps is one to be killed at"
    nothing(account)


@pytest.mark.django_db
@pytest.mark.parametrize("moment", range(9))
@pytest.mark.parametrize("do", ["timeout_after", "drop_after", "500_after"])
def test_each_call_that_makes_something_loses_its_answer(account: Account, moment: int, do: str):
    agent_id = uuid.uuid4()
    account.steer(
        "faults", hold=2, rules=[{"method": m, "do": do, "skip": moment} for m in ("POST", "PATCH", "PUT")]
    )
    rentals.rent(agent_id, bots=1, names=["my"])
    keeper = account.keeper(account.cloud(call_seconds=1, zones="fr-par-1"))
    one_of_each(account, turn_until("ready", keeper, agent_id))
    rentals.give_back(agent_id)
    turn_until_gone(keeper, agent_id)
    nothing(account)
