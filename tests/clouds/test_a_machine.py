"""One person's machine at the stand-in, through the real SDK: made, grown, replaced, given back."""

import uuid
from datetime import datetime, timedelta

import pytest

from butt.clouds import rentals
from butt.clouds.keeper import Keeper
from butt.clouds.models import Rented, Stock, WantedMachine
from butt.clouds.scaleway import Scaleway
from butt.configuration import configuration
from tests.clouds.account import Account, turn, turn_until, turn_until_gone
from tests.clouds.conftest import ALICE
from tests.service import wait_for

pytestmark = pytest.mark.django_db

BOB = uuid.UUID("b0b00000-0000-4000-8000-000000000000")
GB = 10**9


def made(keeper: Keeper, *, bots: int = 1) -> Rented:
    rentals.rent(ALICE, bots=bots, names=["my"])
    return turn_until("ready", keeper, ALICE)


def running(account: Account) -> list[str]:
    return [server["id"] for server in account.has()["server"] if server["state"] in {"starting", "running"}]


def test_a_machine_is_made_with_one_of_each_resource(account: Account, keeper: Keeper):
    rented = made(keeper)
    has = account.has()
    (server,) = has["server"]
    assert (server["state"], server["commercial_type"]) == ("running", "STARDUST1-S")
    data = next(volume for volume in has["volume"] if volume["id"] == rented.volume_id)
    assert data["references"][0]["product_resource_id"] == server["id"]
    assert len(has["volume"]) == 2, "its data and its root"
    assert sorted(ip["type"] for ip in has["ip"]) == ["routed_ipv4", "routed_ipv6"]
    assert {ip["state"] for ip in has["ip"]} == {"attached"}
    records = {(record["name"], record["type"], record["data"]) for record in has["record"]}
    assert records == {("my", "A", rented.address4), ("my", "AAAA", rented.address6)}
    tags = {f"butt-agent={ALICE}", "butt"}
    (group,) = [group for group in has["group"] if not group["project_default"]]
    assert all(set(thing["tags"]) == tags for thing in [server, data, group, *has["ip"]])


def test_only_the_ports_of_bots_are_open(account: Account, keeper: Keeper):
    made(keeper)
    (group,) = account.standin.world.all("group")
    assert (group["inbound_default_policy"], group["stateful"]) == ("drop", True)
    ports = configuration().bot_ports
    what = ("inbound", "accept", "TCP", ports.start, ports.stop - 1)
    fields = ("direction", "action", "protocol", "dest_port_from", "dest_port_to", "ip_range")
    rules = {tuple(rule[field] for field in fields) for rule in group["_rules"]}
    assert rules == {(*what, "0.0.0.0/0"), (*what, "::/0")}
    (server,) = account.has()["server"]
    assert server["security_group"]["id"] == group["id"]


def test_it_boots_with_the_document_made_for_its_volume(account: Account, keeper: Keeper):
    rented = made(keeper)
    (server,) = account.standin.world.all("server")
    device = f"/dev/disk/by-id/scsi-0SCW_sbs_volume-{rented.volume_id}"
    assert server["_user_data"]["cloud-init"] == f"#cloud-config\n# {ALICE} {device}\n"


def test_the_root_is_marked_and_removed_whatever_its_name(account: Account, keeper: Keeper):
    rentals.rent(ALICE, bots=1, names=["my"])
    while not account.has()["server"]:
        turn(keeper)
    world = account.standin.world
    (key,) = [volume["id"] for volume in world.all("volume") if "butt" not in volume["tags"]]
    with world.turn():
        world.put("volume", world.get("volume", key) | {"name": "Debian Bookworm_sbs_volume_0"})
    rented = turn_until("ready", keeper, ALICE)
    assert set(world.get("volume", key)["tags"]) == {"butt", f"butt-agent={ALICE}", "butt-root"}
    with world.turn():
        world.put("volume", world.get("volume", key) | {"name": "somehow"})
    account.steer("destroy", server=rented.server_id)
    turn_until("replacing", keeper, ALICE)
    turn_until("ready", keeper, ALICE)
    assert key not in {volume["id"] for volume in account.has()["volume"]}


def test_a_volumes_server_is_found_among_all_its_references(account: Account, keeper: Keeper):
    rented = made(keeper)
    world = account.standin.world
    volume = world.get("volume", rented.volume_id)
    other = {**volume["references"][0], "product_resource_type": "snapshot", "product_resource_id": "else"}
    with world.turn():
        world.put("volume", volume | {"references": [other, *volume["references"]]})
    turn(keeper)
    assert Rented.objects.get(agent_id=ALICE).state == "ready"


def test_the_cost_of_a_machine_is_known(keeper: Keeper):
    rented = made(keeper)
    # A STARDUST1-S, 15 GB of data and 10 GB of root, and an IPv4 address.
    server, storage, address = 0.438, 25 * 0.000118 * 730, 2.92
    assert float(rented.monthly) == pytest.approx(server + storage + address, abs=0.02)
    snapshots = 3 * 15 * 0.000118 * 730
    assert float(rented.expected) == pytest.approx(float(rented.monthly) + snapshots, abs=0.02)


def test_nothing_is_left_when_a_person_leaves(account: Account, keeper: Keeper):
    made(keeper)
    rentals.rent(BOB, bots=1, names=["your"])
    turn_until("ready", keeper, BOB)
    rentals.give_back(ALICE)
    turn_until_gone(keeper, ALICE)
    has = account.has()
    assert {name: len(things) for name, things in has.items()} == {
        "server": 1,
        "volume": 2,
        "snapshot": 0,
        "ip": 2,
        "group": 1,
        "record": 2,
    }
    assert f"butt-agent={BOB}" in has["server"][0]["tags"]
    assert not WantedMachine.objects.filter(agent_id=ALICE).exists()


def test_a_ready_machine_is_left_alone(account: Account, keeper: Keeper):
    made(keeper)
    before = account.calls()["calls"]
    for _ in range(3):
        turn(keeper)
    after = account.calls()["calls"]
    assert {method: after[method] - before[method] for method in after if method != "GET"} == {
        method: 0 for method in after if method != "GET"
    }


def test_more_bots_mean_a_bigger_volume_at_once_and_a_bigger_machine_by_stopping_it(
    account: Account, keeper: Keeper
):
    before = made(keeper)
    rentals.rent(ALICE, bots=6, names=["my"])
    turn(keeper)
    assert account.has()["server"][0]["state"] == "running", "the volume grows while the machine runs"
    turn_until("changing", keeper, ALICE)
    after = turn_until("ready", keeper, ALICE)
    has = account.has()
    (server,) = has["server"]
    assert (server["id"], server["commercial_type"]) == (before.server_id, "DEV1-M")
    data = next(volume for volume in has["volume"] if volume["id"] == before.volume_id)
    assert data["size"] == 65 * GB
    assert (after.volume_id, after.address4) == (before.volume_id, before.address4)


def test_a_machine_that_stopped_itself_becomes_a_bigger_one(
    account: Account, keeper: Keeper, cloud: Scaleway
):
    rented = made(keeper)
    cloud._instances.server_action(zone=rented.zone, server_id=rented.server_id, action="stop_in_place")
    rentals.rent(ALICE, bots=6, names=["my"])
    Rented.objects.update(
        type="DEV1-M"
    )  # the row of a keeper that was killed just before it stops the machine
    turn_until("ready", keeper, ALICE)
    (server,) = account.has()["server"]
    assert (server["state"], server["commercial_type"]) == ("running", "DEV1-M")


def test_it_never_shrinks_by_itself(account: Account, keeper: Keeper):
    made(keeper, bots=6)
    rentals.rent(ALICE, bots=1, names=["my"])
    for _ in range(5):
        turn(keeper)
    assert account.has()["server"][0]["commercial_type"] == "DEV1-M"


def test_a_machine_destroyed_behind_our_back_comes_back_with_its_volume_and_address(
    account: Account, keeper: Keeper
):
    before = made(keeper)
    account.steer("destroy", server=before.server_id)
    turn(keeper)
    told = Rented.objects.get(agent_id=ALICE)
    assert (told.state, "gone" in told.reason) == ("replacing", True)
    after = turn_until("ready", keeper, ALICE)
    assert after.server_id != before.server_id
    assert (after.volume_id, after.address4) == (before.volume_id, before.address4)
    assert len(running(account)) == 1


def test_another_machine_is_made_only_once_the_old_one_is_seen_to_be_gone(account: Account, keeper: Keeper):
    before = made(keeper)
    account.steer("delays", stop=3600, detach=3600)
    rentals.replace(ALICE)
    for _ in range(10):
        turn(keeper)
        (server,) = account.has()["server"]
        assert server["id"] == before.server_id
    account.steer("clock", advance=3601)
    for _ in range(5):
        turn(keeper)
        assert account.has()["server"] == [], "its volume is still being detached"
    account.steer("clock", advance=3601)
    after = turn_until("ready", keeper, ALICE)
    assert (after.server_id != before.server_id, after.volume_id) == (True, before.volume_id)


@pytest.mark.parametrize("call", ["servers$", "action$"])
def test_without_stock_another_zone_is_tried_and_nothing_is_left_behind(
    account: Account, keeper: Keeper, call: str
):
    rule = {"method": "POST", "path": f"fr-par-1/.*{call}|fr-par-1/{call}", "times": 99, "do": "out_of_stock"}
    account.steer("faults", rules=[rule])
    rented = made(keeper)
    assert rented.zone == "nl-ams-1"
    has = account.has()
    assert {thing["zone"] for kind in ("server", "volume", "ip") for thing in has[kind]} == {"nl-ams-1"}


def test_a_machine_without_stock_anywhere_waits_and_says_so(account: Account, keeper: Keeper):
    account.steer("stock", **{"fr-par-1/*": "shortage", "nl-ams-1/*": "shortage"})
    rentals.rent(ALICE, bots=1, names=["my"])
    for _ in range(3):
        turn(keeper)
    assert "No zone has room" in Rented.objects.get(agent_id=ALICE).reason
    with pytest.raises(rentals.NoMachineRoom):
        rentals.check_room(ALICE, 1)
    account.steer("stock", **{"nl-ams-1/*": "available"})
    Stock.objects.update(at="2020-01-01T00:00Z")
    assert turn_until("ready", keeper, ALICE).zone == "nl-ams-1"
    rentals.check_room(ALICE, 1)


def test_a_used_up_quota_is_reported_in_words(account: Account, keeper: Keeper):
    account.steer("quotas", ips=0)
    rentals.rent(ALICE, bots=1, names=["my"])
    told = set()
    for _ in range(10):
        turn(keeper)
        told.add(Rented.objects.get(agent_id=ALICE).reason)
    assert "The account's quota for ips is used up." in told, "once both zones were asked"
    account.steer("quotas")
    turn_until("ready", keeper, ALICE)


def test_a_machine_that_cannot_grow_without_stock_keeps_running(account: Account, keeper: Keeper):
    made(keeper)
    account.steer("faults", rules=[{"method": "PATCH", "path": "/servers/[^/]+$", "do": "out_of_stock"}])
    rentals.rent(ALICE, bots=6, names=["my"])

    def refused_and_running() -> bool:
        keeper.round()  # By itself, so that it is not left stopped for as long as a back-off takes.
        return "out_of_stock" in account.calls()["struck"] and len(running(account)) == 1

    turn_until("changing", keeper, ALICE)
    wait_for(refused_and_running, 30)


def test_snapshots_are_taken_and_the_oldest_go(account: Account, keeper: Keeper):
    made(keeper)
    taken = []
    for _ in range(5):
        age_everything(account, timedelta(hours=25))
        for _ in range(3):
            turn(keeper)
        taken.append(len(account.has()["snapshot"]))
    assert taken == [1, 2, 3, 3, 3]


def age_everything(account: Account, by: timedelta) -> None:
    """As if everything had been made that much earlier."""
    world = account.standin.world
    with world.turn():
        for kind in ("volume", "snapshot"):
            for thing in world.all(kind):
                at = datetime.fromisoformat(thing["created_at"]) - by
                world.put(kind, thing | {"created_at": at.isoformat()})


def test_a_lost_volume_is_not_made_again_until_a_snapshot_is_chosen(account: Account, keeper: Keeper):
    before = made(keeper)
    age_everything(account, timedelta(hours=25))
    for _ in range(3):
        turn(keeper)
    (snapshot,) = account.has()["snapshot"]
    lose_the_volume(account, before)
    for _ in range(5):
        turn(keeper)
    told = Rented.objects.get(agent_id=ALICE)
    assert (told.state, "newest snapshot" in told.reason) == ("stuck", True)
    assert account.has()["server"] == []
    rentals.restore(ALICE, snapshot["id"])
    told = turn_until("replacing", keeper, ALICE)
    assert told.reason == "Its volume is being made again from a snapshot."
    after = turn_until("ready", keeper, ALICE)
    data = next(v for v in account.has()["volume"] if v["id"] == after.volume_id)
    assert data["parent_snapshot_id"] == snapshot["id"]


def lose_the_volume(account: Account, rented: Rented) -> None:
    account.steer("destroy", server=rented.server_id)
    account.has()
    account.standin.world.settle()
    with account.standin.world.turn():
        account.standin.world.drop("volume", rented.volume_id)


def test_removing_a_name_removes_its_record(account: Account, keeper: Keeper):
    made(keeper)
    rentals.rent(ALICE, bots=1, names=["your"])
    for _ in range(6):
        turn(keeper)
    assert {record["name"] for record in account.has()["record"]} == {"your"}


def somebody_elses_record(account: Account, name: str) -> None:
    record = {"id": "x", "name": name, "type": "A", "data": "198.18.9.9", "ttl": 60, "priority": 0}
    with account.standin.world.turn():
        account.standin.world.put("record", {**record, "comment": None, "_zone": "example.org"})


def test_records_of_others_are_never_touched(account: Account, keeper: Keeper):
    somebody_elses_record(account, "www")
    made(keeper)
    rentals.give_back(ALICE)
    turn_until_gone(keeper, ALICE)
    assert [record["name"] for record in account.has()["record"]] == ["www"]


def test_a_name_with_somebody_elses_record_is_left_alone_and_reported(account: Account, keeper: Keeper):
    somebody_elses_record(account, "my")
    rentals.rent(ALICE, bots=2, names=["my", "your"])
    rented = turn_until("ready", keeper, ALICE)
    assert rented.reason == "The DNS name “my” has a record that is not ours. We leave it as it is."
    told = {(r["name"], r["type"], r["data"]) for r in account.has()["record"]}
    assert told >= {("my", "A", "198.18.9.9"), ("your", "A", rented.address4)}
    assert ("my", "A", rented.address4) not in told
    rentals.give_back(ALICE)
    turn_until_gone(keeper, ALICE)
    assert [(r["name"], r["data"]) for r in account.has()["record"]] == [("my", "198.18.9.9")]


def test_a_dead_machine_is_replaced_though_the_price_list_is_away(account: Account, keeper: Keeper):
    before = made(keeper)
    Stock.objects.update(at="2020-01-01T00:00Z")
    account.steer("faults", rules=[{"path": "/products/servers", "times": 999, "do": "503"}])
    account.steer("destroy", server=before.server_id)
    turn_until("replacing", keeper, ALICE)
    assert turn_until("ready", keeper, ALICE).server_id != before.server_id
    assert account.calls()["struck"]["503"] < 50, "it is not asked for at each turn"


def test_without_an_inventory_nothing_is_done(account: Account, keeper: Keeper):
    before = made(keeper)
    account.steer("faults", rules=[{"method": "GET", "path": "/servers$", "times": 999, "do": "429"}])
    turn(keeper)
    assert Rented.objects.get(agent_id=ALICE).state == "ready"
    account.steer("calm")
    turn(keeper)
    assert Rented.objects.get(agent_id=ALICE).server_id == before.server_id
