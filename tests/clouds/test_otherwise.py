"""The real API may behave differently from the stand-in: then, too, there is one machine, and nothing in the
end.
"""

import uuid
from typing import Any

import pytest

from butt.clouds import rentals
from butt.clouds.keeper import Keeper
from butt.clouds.models import Rented
from tests.clouds.account import Account, turn, turn_until, turn_until_gone
from tests.clouds.conftest import ALICE
from tests.clouds.test_killed_anywhere import nothing, one_of_each

pytestmark = pytest.mark.django_db

FORGOTTEN = {
    "the tags of a new address": {"method": "POST", "path": "/ips$", "field": "tags"},
    "the tags of a volume that is changed": {"method": "PATCH", "path": "/volumes/", "field": "tags"},
    "the security group of a new server": {"method": "POST", "path": "/servers$", "field": "security_group"},
    "that nothing comes in": {
        "method": "POST",
        "path": "/security_groups$",
        "field": "inbound_default_policy",
    },
    "the comment of a record": {"method": "PATCH", "path": "/records$", "field": "comment"},
}


def a_whole_life(account: Account, keeper: Keeper) -> None:
    rentals.rent(ALICE, bots=1, names=["my"])
    first = turn_until("ready", keeper, ALICE)
    account.steer("destroy", server=first.server_id)
    turn_until("replacing", keeper, ALICE)
    second = turn_until("ready", keeper, ALICE)
    one_of_each(account, second)
    assert second.volume_id == first.volume_id
    (server,) = account.has()["server"]
    (group,) = [group for group in account.has()["group"] if not group["project_default"]]
    assert server["security_group"]["id"] == group["id"]
    assert group["inbound_default_policy"] == "drop"
    rentals.give_back(ALICE)
    turn_until_gone(keeper, ALICE)
    nothing(account)


@pytest.mark.parametrize("what", list(FORGOTTEN))
def test_any_field_may_be_missing(account: Account, keeper: Keeper, what: str):
    account.steer("forget", rules=[FORGOTTEN[what]])
    a_whole_life(account, keeper)


@pytest.mark.parametrize("most", [1, 3])
def test_pages_may_have_any_size(account: Account, keeper: Keeper, most: int):
    account.steer("pages", most=most)
    a_whole_life(account, keeper)


def test_without_storage_prices_the_price_list_is_used(account: Account, keeper: Keeper):
    account.steer("faults", rules=[{"path": "/volume-types$", "do": "refuse", "times": 999}])
    a_whole_life(account, keeper)
    assert account.calls()["struck"]["refuse"] <= 2, "it is not asked for at each turn"


def test_a_machine_that_cannot_become_another_type_is_made_again_with_its_volume(
    account: Account, keeper: Keeper
):
    account.steer(
        "faults", rules=[{"method": "PATCH", "path": "/servers/[^/]+$", "do": "refuse", "times": 99}]
    )
    rentals.rent(ALICE, bots=1, names=["my"])
    before = turn_until("ready", keeper, ALICE)
    rentals.rent(ALICE, bots=6, names=["my"])
    turn_until("replacing", keeper, ALICE)
    after = turn_until("ready", keeper, ALICE)
    one_of_each(account, after)
    assert (after.type, after.volume_id, after.address4) == ("DEV1-M", before.volume_id, before.address4)
    assert after.server_id != before.server_id


def test_a_type_that_turns_out_to_be_out_of_stock_is_followed_by_the_next_cheapest(
    account: Account, keeper: Keeper
):
    account.steer("stock", **{"fr-par-1/STARDUST1-S": "scarce", "nl-ams-1/STARDUST1-S": "shortage"})
    rule = {"method": "POST", "path": "fr-par-1/servers$", "times": 1, "do": "out_of_stock"}
    account.steer("faults", rules=[rule])
    rentals.rent(ALICE, bots=1, names=["my"])
    rented = turn_until("ready", keeper, ALICE)
    assert (rented.zone, rented.type) == ("fr-par-1", "DEV1-S")
    assert len(account.has()["ip"]) == 2, "what was made for it is kept"


def test_a_root_whose_server_was_gone_before_it_was_marked_is_removed(account: Account, keeper: Keeper):
    rentals.rent(ALICE, bots=1, names=["my"])
    while not account.has()["server"]:
        turn(keeper)
    account.steer("faults", rules=[{"method": "PATCH", "path": "/volumes/", "do": "503", "times": 1}])
    turn(keeper)
    (server,) = account.standin.world.all("server")
    assert Rented.objects.get().root_id == server["_volumes"]["0"]
    account.steer("destroy", server=server["id"])
    roots = [volume for volume in account.has()["volume"] if not volume["tags"]]
    assert len(roots) == 1, "it bears no mark"
    turn_until("ready", keeper, ALICE)
    assert roots[0]["id"] not in {volume["id"] for volume in account.has()["volume"]}


def test_dns_follows_when_the_ipv6_address_changes(account: Account, keeper: Keeper):
    rentals.rent(ALICE, bots=1, names=["my"])
    first = turn_until("ready", keeper, ALICE)
    account.steer("destroy", server=first.server_id)
    turn_until("replacing", keeper, ALICE)
    assert {record["data"] for record in account.has()["record"]} >= {first.address4}
    second = turn_until("ready", keeper, ALICE)
    assert second.address4 == first.address4
    assert second.address6 != first.address6
    prefix = first.address6.rpartition("dc00:")[0]
    assert second.address6.startswith(prefix), "the prefix is the same"
    told = {record["type"]: record["data"] for record in account.has()["record"]}
    assert told == {"A": second.address4, "AAAA": second.address6}


def test_a_machine_without_ipv4_costs_less(
    account: Account, keeper: Keeper, monkeypatch: pytest.MonkeyPatch, settings_anew: Any
):
    monkeypatch.setenv("BUTT_CLOUD_IPV4", "false")
    settings_anew()
    rentals.rent(ALICE, bots=1, names=["my"])
    rented = turn_until("ready", keeper, ALICE)
    assert [ip["type"] for ip in account.has()["ip"]] == ["routed_ipv6"]
    assert (rented.address4, bool(rented.address6)) == ("", True)
    assert [record["type"] for record in account.has()["record"]] == ["AAAA"]
    assert float(rented.monthly) == pytest.approx(0.44 + 0.86 + 1.29, abs=0.02)
    rentals.give_back(ALICE)
    turn_until_gone(keeper, ALICE)
    nothing(account)


def test_a_machine_that_has_an_ipv4_address_keeps_it(
    account: Account, keeper: Keeper, monkeypatch: pytest.MonkeyPatch, settings_anew: Any
):
    rentals.rent(ALICE, bots=1, names=["my"])
    before = turn_until("ready", keeper, ALICE)
    monkeypatch.setenv("BUTT_CLOUD_IPV4", "false")
    settings_anew()
    for _ in range(3):
        turn(keeper)
    after = Rented.objects.get()
    assert (after.state, after.address4) == ("ready", before.address4)
    assert sorted(record["type"] for record in account.has()["record"]) == ["A", "AAAA"]


@pytest.mark.parametrize("call", ["/ips$", "/volumes$", "/servers$", "/security_groups$", "/rules$"])
def test_nothing_is_left_of_a_person_who_leaves_before_their_first_machine_exists(
    account: Account, keeper: Keeper, call: str
):
    account.steer(
        "faults", rules=[{"method": m, "path": call, "do": "refuse", "times": 999} for m in ("POST", "PUT")]
    )
    agent = uuid.uuid4()
    rentals.rent(agent, bots=1, names=["my"])
    for _ in range(12):
        turn(keeper)
    assert Rented.objects.get(agent_id=agent).reason
    rentals.give_back(agent)
    turn_until_gone(keeper, agent)
    nothing(account)
