"""Many machines at once: the rate limit holds, and a problem with one does not affect the others."""

import uuid
from collections import Counter

import pytest
from django.utils import timezone

from butt.clouds import rentals
from butt.clouds.models import Rented, WantedMachine
from tests.clouds.account import Account, plain, turn, turn_until
from tests.clouds.conftest import ALICE

pytestmark = pytest.mark.django_db

BOB = uuid.UUID("b0b00000-0000-4000-8000-000000000000")
LIMIT = 250


def test_a_hundred_people_at_once_get_one_machine_each_within_the_rate_limit(account: Account):
    account.steer("limit", per_second=LIMIT, burst=LIMIT / 5)
    people = [uuid.uuid4() for _ in range(100)]
    for number, agent_id in enumerate(people):
        rentals.rent(agent_id, bots=1, names=[f"bot{number}"])
    keeper = account.keeper(account.cloud(calls=LIMIT * 0.95))
    for _ in range(40):
        turn(keeper)
        if Rented.objects.filter(state="ready").count() == len(people):
            break
    assert Rented.objects.filter(state="ready").count() == len(people)
    assert account.calls()["struck"] == {}
    has = account.has()
    owners = Counter(tag for server in has["server"] for tag in server["tags"] if tag != "butt")
    assert owners == {f"butt-agent={person}": 1 for person in people}
    assert {kind: len(has[kind]) for kind in ("volume", "ip", "record")} == {
        "volume": 200,
        "ip": 200,
        "record": 200,
    }


def test_a_machine_without_a_boot_document_delays_nobody_else(account: Account):
    def document(agent_id: uuid.UUID, volume_id: str) -> bytes:
        if agent_id == ALICE:
            raise PermissionError("/etc/salt/pki")
        return plain(agent_id, volume_id)

    keeper = account.keeper(document=document)
    for agent_id, name in ((ALICE, "my"), (BOB, "your")):
        rentals.rent(agent_id, bots=1, names=[name])
    turn_until("ready", keeper, BOB)
    told = Rented.objects.get(agent_id=ALICE)
    assert (told.state, told.reason) == (
        "making",
        "Something unexpected went wrong. We will try again.",
    )
    turn_until("ready", account.keeper(), ALICE)


def test_a_machine_without_a_wanted_row_is_left_alone_and_delays_nobody_else(account: Account):
    rentals.rent(ALICE, bots=1, names=["my"])
    before = turn_until("ready", account.keeper(), ALICE)
    WantedMachine.objects.all().delete()
    rentals.rent(BOB, bots=1, names=["your"])
    turn_until("ready", account.keeper(), BOB)
    assert before.server_id in {server["id"] for server in account.has()["server"]}


class Odd:
    """A cloud whose SDK does not understand one of the answers."""

    makes_machines = True

    def __init__(self, cloud: object, *, odd: str) -> None:
        self._cloud, self._odd = cloud, odd

    def __getattr__(self, name: str) -> object:
        if name == self._odd:
            raise TypeError("an answer of another shape")
        return getattr(self._cloud, name)


@pytest.mark.parametrize("odd", ["inventory", "carry_out"])
def test_an_answer_that_is_not_understood_is_reported_and_asked_for_again(account: Account, odd: str):
    rentals.rent(ALICE, bots=1, names=["my"])
    turn(account.keeper())
    turn(account.keeper(Odd(account.cloud(), odd=odd)))
    told = Rented.objects.get(agent_id=ALICE)
    assert "unexpected" in told.reason
    assert (told.due_at - timezone.now()).total_seconds() < 30, "not only when its lease has run out"
    turn_until("ready", account.keeper(), ALICE)
