"""The stand-in answers as the real API did, and we call it as other clients call that.

A whole life of a machine is lived at the stand-in, through the real driver. All requests and answers are
compared with the exchanges that the real API had with other clients; differences must be on the list of
guesses.
"""

import uuid
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
import requests
from scaleway_standin import SECRET_KEY, StandIn
from scaleway_standin.answers import Answer, Request
from scaleway_standin.guesses import GUESSES, is_guessed, table
from scaleway_standin.recordings import (
    CALLS,
    Exchange,
    Shape,
    answers,
    is_request,
    kind_of,
    load,
    parsed,
)
from scaleway_standin.recordings import requests as requests_of
from scaleway_standin.world import DELAYS

from butt.clouds import rentals
from butt.clouds.interface import CloudEffect, CloudTrouble, Job
from butt.clouds.models import Rented
from tests.clouds.account import Account, at_standin, turn
from tests.clouds.conftest import ALICE
from tests.clouds.test_a_machine import age_everything

ZONE = "fr-par-1"
README = Path(__file__).parents[2] / "standins" / "scaleway" / "README.md"
RECORDED = load()


class Heard(StandIn):
    """A stand-in that keeps its requests and answers."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, dns_zones=("example.org",))
        self.exchanges: list[Exchange] = []

    def handle(self, request: Request) -> Answer:
        answer = super().handle(request)
        if not request.path.startswith("/_standin/"):
            query = "&".join(f"{name}={value}" for name, values in request.query.items() for value in values)
            said = parsed(answer.encoded().decode())
            sent = parsed(request.body.decode())
            sent = None if sent == {} else sent  # The SDK sends it where others send nothing.
            self.exchanges.append(
                Exchange(request.method, f"{request.path}?{query}", sent, answer.status, said)
            )
        return answer


LIVED: list[Exchange] = []
"""Once for all tests here: it takes some seconds."""


@pytest.fixture
def lived(tmp_path: Path, db: None) -> list[Exchange]:
    """A machine is made, grown, replaced, halted, copied and given back; and what is refused."""
    if not LIVED:
        heard = Heard(tmp_path / "scaleway")
        with at_standin(heard) as account:
            live(account)
            be_refused(account)
        LIVED.extend(heard.exchanges)
    return LIVED


def live(account: Account) -> None:
    """Each state lasts for some rounds, by the stand-in's clock, so that it is seen however slow this machine
    is.
    """
    keeper = account.keeper()
    account.steer("delays", **dict.fromkeys(DELAYS, 3))

    def until(what: Callable[[], object]) -> None:
        for _ in range(300):
            turn(keeper)
            account.steer("clock", advance=1)
            if what():
                return
        raise AssertionError(Rented.objects.get().reason)

    def state(wanted: str) -> Callable[[], bool]:
        return lambda: Rented.objects.get().state == wanted

    rentals.rent(ALICE, bots=1, names=["my"])
    until(state("ready"))
    first = Rented.objects.get()
    age_everything(account, timedelta(hours=25))
    until(lambda: [snapshot["status"] for snapshot in account.has()["snapshot"]] == ["available"])
    rentals.rent(ALICE, bots=6, names=["my", "your"])
    until(state("changing"))
    until(state("ready"))
    cloud = account.cloud()
    cloud._instances.server_action(zone=first.zone, server_id=first.server_id, action="stop_in_place")
    account.steer("clock", advance=5)
    assert list(cloud.rights())
    cloud.inventory([first.zone])
    until(lambda: account.has()["server"][0]["state"] == "running")
    account.steer("destroy", server=first.server_id)
    until(state("replacing"))
    until(state("ready"))
    for address in account.has()["ip"]:
        aim = next(t for t in cloud.inventory([first.zone]).things if t.id == address["id"])
        server = Rented.objects.get().server_id
        cloud.carry_out(Job(CloudEffect.ATTACH_ADDRESS, ALICE, zone=first.zone, target=aim, server=server))
    rentals.give_back(ALICE)
    until(lambda: not Rented.objects.exists())


def be_refused(account: Account) -> None:
    cloud = account.cloud()

    def tried(effect: CloudEffect, **more: object) -> None:
        with pytest.raises(CloudTrouble):
            cloud.carry_out(Job(effect, ALICE, zone=ZONE, **more))  # type: ignore[arg-type]

    nowhere = str(uuid.uuid4())
    tried(CloudEffect.BOOT, server=nowhere, group=nowhere)
    tried(CloudEffect.TAKE_SNAPSHOT, volume=nowhere)
    account.steer("rights", missing=["BlockStorageFullAccess"])
    tried(CloudEffect.TAKE_SNAPSHOT, volume=nowhere)
    account.steer("rights")
    account.steer("faults", rules=[{"path": "/ips$", "do": "429", "times": 99}])
    tried(CloudEffect.MAKE_ADDRESS4)
    account.steer("calm")
    with pytest.raises(CloudTrouble):
        account.cloud(image="macos").offers()
    for method, path, body in (
        ("POST", f"/instance/v1/zones/{ZONE}/servers", {"name": "x", "project": nowhere}),
        ("GET", f"/instance/v1/zones/{ZONE}/servers/{nowhere}/user_data/happy", None),
        ("GET", "/iam/v1alpha1/api-keys/SCWXXXXXXXXXXXXXXXXX", None),
    ):
        answer = requests.request(
            method, f"{account.url}{path}", json=body, headers={"X-Auth-Token": SECRET_KEY}, timeout=10
        )
        assert answer.status_code in {400, 404}


def differences(lived: list[Exchange]) -> set[str]:
    """Requests and answers here that no recorded client made or got."""
    asked, answered = requests_of(RECORDED), answers(RECORDED)
    found = set[str]()
    for exchange in lived:
        kind = kind_of(exchange.call, exchange.status)
        found |= set(answered.strange(kind, exchange.body, whole=True))
        if is_request(exchange):
            found |= set(asked.strange(f"{exchange.call}: ", exchange.sent, whole=False))
        for name, value in exchange.query:
            found |= set(asked.strange(f"{exchange.call}?{name}", value, whole=False))
    return found


def test_requests_and_answers_equal_the_recorded_ones_except_for_listed_guesses(
    lived: list[Exchange],
):
    found = differences(lived)
    assert {sign for sign in found if not is_guessed(sign)} == set()
    signs = {sign for guess in GUESSES for sign in guess.signs}
    unused = {sign for sign in signs if not any(seen.startswith(sign) for seen in found)}
    assert unused <= {"401: ", "403: ", "409: ", "412: ", "503: "}, (
        "a guess that the recordings settle, or that nothing depends on"
    )


def test_all_our_calls_but_one_are_recorded(lived: list[Exchange]):
    ours = {exchange.call for exchange in lived}
    names = {name for _, name in CALLS}
    assert {call for call in ours if call.split(" ")[1] not in names} == set()
    assert ours - {exchange.call for exchange in RECORDED} == {"GET volume-types"}


def test_we_never_send_what_no_recorded_client_sends(lived: list[Exchange]):
    made = [e.sent for e in lived if e.call == "POST servers" and e.status == 201]
    assert made
    for sent in made:
        assert set(sent["volumes"]["0"]) == {"size", "volume_type"}
        assert set(sent["volumes"]["1"]) == {"id", "volume_type"}
    rules = [rule for e in lived if e.call == "PUT rules" for rule in e.sent["rules"]]
    assert {rule["protocol"] for rule in rules} == {"TCP"}
    told = [
        record["data"]
        for e in lived
        if e.call == "PATCH records"
        for change in e.sent["changes"]
        for part in change.values()
        for record in part.get("records", [])
    ]
    assert told
    assert all(told), "no record is ever empty"


def test_the_intermediate_states_were_seen(lived: list[Exchange]):
    """Otherwise the comparison would say nothing about them."""
    seen = Shape()
    for exchange in lived:
        seen.learn(kind_of(exchange.call, exchange.status), exchange.body)
    assert {"starting", "running", "stopping", "stopped", "stopped in place"} <= seen.words["server.state"]
    assert {"creating", "available", "in_use", "updating"} <= seen.words["volume.status"]
    assert {"creating", "available"} <= seen.words["snapshot.status"]
    assert {"syncing", "available"} <= seen.words["security group.state"]
    assert seen.types["ip.address"] == {"text", "null"}


def test_the_stand_ins_readme_has_the_list_of_guesses():
    assert table() in README.read_text(), table()
