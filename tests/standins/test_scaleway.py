"""The stand-in for Scaleway, called by the unchanged official SDK."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import requests
import scaleway_standin
from scaleway import Client
from scaleway.block.v1 import BlockV1API, CreateVolumeRequestFromEmpty, CreateVolumeRequestFromSnapshot
from scaleway.domain.v2beta1 import (
    DomainV2Beta1API,
    Record,
    RecordChange,
    RecordChangeAdd,
    RecordChangeSet,
)
from scaleway.instance.v1 import IpType, ServerAction, VolumeServerTemplate
from scaleway.instance.v1.custom_api import InstanceUtilsV1API
from scaleway.marketplace.v2 import MarketplaceV2API
from scaleway_core.api import ScalewayException
from scaleway_standin import ACCESS_KEY, PROJECT, SECRET_KEY, Server, StandIn

from tests.service import wait_for

GB = 10**9
ZONE = "fr-par-1"
PACKAGE = Path(scaleway_standin.__file__).parents[1]
BOOT = f"env PYTHONPATH={PACKAGE} {sys.executable} -m scaleway_standin.boot --mount 1=/srv/data --while"
"""With the id of the process that the machine ends with."""


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "scaleway"


@pytest.fixture
def standin(state: Path) -> Iterator[SimpleNamespace]:
    with Running(state) as standin:
        yield standin


class Running:
    """A stand-in with its clients; `with Running(state):` again is a restart."""

    def __init__(self, state: Path, *, boot: str = "", leave_machines: bool = False) -> None:
        self._standin = StandIn(state, boot=boot, dns_zones=("example.org",))
        self._leave = leave_machines

    def __enter__(self) -> SimpleNamespace:
        self._server = Server(self._standin).__enter__()
        url = self._server.url
        client = Client(
            access_key=ACCESS_KEY,
            secret_key=SECRET_KEY,
            default_project_id=PROJECT,
            default_zone=ZONE,
            api_url=url,
        )
        return SimpleNamespace(
            url=url,
            client=client,
            instances=InstanceUtilsV1API(client),
            blocks=BlockV1API(client),
            domains=DomainV2Beta1API(client),
            images=MarketplaceV2API(client),
            steer=lambda what, **wish: requests.post(
                f"{url}/_standin/{what}", json=wish, timeout=5
            ).raise_for_status(),
        )

    def __exit__(self, *_: object) -> None:
        self._server.__exit__()
        self._standin.close(end_machines=not self._leave)


def volume(standin: SimpleNamespace, **more: object):
    made = standin.blocks.create_volume(
        name="data", from_empty=CreateVolumeRequestFromEmpty(size=10 * GB), **more
    )
    assert made.status == "creating"
    return wait_for(lambda: available(standin, made.id))


def available(standin: SimpleNamespace, volume_id: str):
    found = standin.blocks.get_volume(volume_id=volume_id)
    return found if found.status == "available" else None


def server(standin: SimpleNamespace, volume_id: str, **more: object):
    listed = standin.images.list_local_images(image_label="debian_bookworm", zone=ZONE, type_="instance_sbs")
    (image,) = [image for image in listed.local_images if image.arch == "x86_64"]
    plain = {"volume_type": "sbs_volume", "boot": None}
    volumes = {
        "0": VolumeServerTemplate(size=10 * GB, **plain),
        "1": VolumeServerTemplate(id=volume_id, size=None, **plain),
    }
    return standin.instances.create_server(
        commercial_type="PLAY2-PICO", image=image.id, volumes=volumes, project=PROJECT, **more
    ).server


def state_of(standin: SimpleNamespace, server_id: str) -> str:
    return str(standin.instances.get_server(server_id=server_id).server.state)


def act(standin: SimpleNamespace, server_id: str, action: ServerAction) -> None:
    standin.instances.server_action(server_id=server_id, action=action)


def refusal(what, *arguments, **more) -> tuple[int, str]:
    with pytest.raises(ScalewayException) as raised:
        what(*arguments, **more)
    return raised.value.status_code, raised.value.response.json()["type"]


def test_a_server_passes_through_its_states_and_leaves_its_volumes(standin: SimpleNamespace):
    data = volume(standin)
    made = server(standin, data.id)
    assert made.state == "stopped"
    assert standin.blocks.get_volume(volume_id=data.id).status == "in_use"

    standin.steer("delays", boot=60, stop=60)
    act(standin, made.id, ServerAction.POWERON)
    assert state_of(standin, made.id) == "starting"
    assert refusal(act, standin, made.id, ServerAction.POWEROFF) == (409, "transient_state")
    standin.steer("clock", advance=60)
    wait_for(lambda: state_of(standin, made.id) == "running")
    assert refusal(standin.instances.delete_server, server_id=made.id) == (400, "invalid_request_error")

    act(standin, made.id, ServerAction.TERMINATE)
    assert state_of(standin, made.id) == "stopping"
    standin.steer("clock", advance=60)
    wait_for(lambda: not standin.instances.list_servers_all())
    assert refusal(standin.instances.get_server, server_id=made.id) == (404, "not_found")
    wait_for(lambda: available(standin, data.id))
    assert len(standin.blocks.list_volumes(include_deleted=False).volumes) == 2, "the root is left too"


def test_a_volume_is_on_one_server_at_a_time(standin: SimpleNamespace):
    data = volume(standin)
    server(standin, data.id)
    assert refusal(server, standin, data.id) == (412, "precondition_failed")
    assert refusal(standin.blocks.delete_volume, volume_id=data.id) == (412, "precondition_failed")


def test_a_volume_grows_and_never_shrinks(standin: SimpleNamespace):
    data = volume(standin)
    grown = standin.blocks.update_volume(volume_id=data.id, size=20 * GB)
    assert (grown.status, grown.size) == ("updating", 10 * GB), "it has its old size until it has grown"
    assert wait_for(lambda: available(standin, data.id)).size == 20 * GB
    assert refusal(standin.blocks.update_volume, volume_id=data.id, size=5 * GB) == (400, "invalid_arguments")


def test_a_snapshot_brings_back_what_was_on_the_volume(standin: SimpleNamespace, state: Path):
    data = volume(standin)
    (state / "volumes" / data.id / "log").write_text("first")
    snapshot = standin.blocks.create_snapshot(volume_id=data.id, public=False)
    wait_for(lambda: standin.blocks.get_snapshot(snapshot_id=snapshot.id).status == "available")
    (state / "volumes" / data.id / "log").write_text("second")
    again = standin.blocks.create_volume(
        from_snapshot=CreateVolumeRequestFromSnapshot(snapshot_id=snapshot.id)
    )
    wait_for(lambda: available(standin, again.id))
    assert (state / "volumes" / again.id / "log").read_text() == "first"


def test_lists_have_pages_and_can_be_filtered_by_tag(standin: SimpleNamespace):
    made = [
        standin.instances.create_ip(type_=IpType.ROUTED_IPV4, tags=["odd" if n % 2 else "even"]).ip
        for n in range(7)
    ]
    assert {ip.id for ip in standin.instances.list_ips_all(per_page=2)} == {ip.id for ip in made}
    assert len(standin.instances.list_ips_all(tags=["odd"])) == 3
    assert int(standin.instances.list_ips(tags=["odd"], per_page=1).total_count) == 3


def test_setting_a_record_replaces_the_old_one(standin: SimpleNamespace):
    def change(change: RecordChange):
        (changed,) = standin.domains.update_dns_zone_records(
            dns_zone="example.org", changes=[change], disallow_new_zone_creation=True
        ).records
        return changed

    def record(address: str) -> Record:
        return Record(id="", name="my", type_="A", data=address, ttl=300, priority=0)

    added = change(RecordChange(add=RecordChangeAdd(records=[record("198.18.0.1")])))
    set_ = change(RecordChange(set_=RecordChangeSet(id=added.id, records=[record("198.18.0.2")])))
    listed = standin.domains.list_dns_zone_records(dns_zone="example.org", name="").records
    assert [row.type_ for row in listed] == ["NS", "NS", "A"]
    assert (listed[-1].id, listed[-1].data) == (added.id, "198.18.0.2") == (set_.id, set_.data)


def test_everything_survives_a_restart(state: Path):
    with Running(state) as before:
        data = volume(before)
        made = server(before, data.id, tags=["mine"])
        act(before, made.id, ServerAction.POWERON)
    with Running(state) as after:
        (found,) = after.instances.list_servers_all(tags=["mine"])
        assert found.volumes["1"].id == data.id
        wait_for(lambda: state_of(after, made.id) == "running")


def test_missing_stock_and_used_up_quotas_are_refused(standin: SimpleNamespace):
    data = volume(standin)
    standin.steer("stock", **{f"{ZONE}/PLAY2-PICO": "shortage"})
    assert standin.instances.get_server_types_availability().servers["PLAY2-PICO"].availability == "shortage"
    assert refusal(server, standin, data.id) == (503, "out_of_stock")
    standin.steer("quotas", ips=0)
    assert refusal(standin.instances.create_ip, type_=IpType.ROUTED_IPV4) == (403, "quotas_exceeded")


def test_a_wrong_key_and_a_missing_right_are_different_errors(standin: SimpleNamespace):
    standin.client.secret_key = "00000000-0000-4000-8000-000000000000"
    assert refusal(standin.instances.list_servers) == (401, "denied_authentication")
    standin.client.secret_key = SECRET_KEY
    standin.steer("rights", missing=["BlockStorageFullAccess"])
    assert refusal(standin.blocks.list_volumes, include_deleted=False) == (403, "permissions_denied")
    assert standin.instances.list_servers_all() == []


@pytest.mark.parametrize("kind", ["drop_after", "500_after"])
def test_a_call_can_take_effect_without_an_answer(standin: SimpleNamespace, kind: str):
    standin.steer("faults", rules=[{"method": "POST", "path": "/ips$", "do": kind}])
    with pytest.raises((requests.ConnectionError, ScalewayException)):
        standin.instances.create_ip(type_=IpType.ROUTED_IPV4)
    assert len(standin.instances.list_ips_all()) == 1


def test_the_same_seed_brings_the_same_faults(standin: SimpleNamespace):
    def faults() -> list[bool]:
        standin.steer("calm")
        standin.steer("faults", seed=7, rates={"500": 0.5})
        return [
            requests.get(f"{standin.url}/instance/v1/zones/{ZONE}/servers", timeout=5).status_code == 500
            for _ in range(20)
        ]

    first = faults()
    assert first == faults()
    assert len(set(first)) == 2


def test_calls_beyond_the_limit_are_refused_and_counted(standin: SimpleNamespace):
    standin.steer("limit", per_second=0.01, burst=2)
    answers = [
        requests.get(f"{standin.url}/marketplace/v2/local-images", timeout=5).status_code for _ in range(3)
    ]
    assert answers[2] == 429
    assert requests.get(f"{standin.url}/_standin/calls", timeout=5).json()["struck"] == {"over_limit": 1}


DOCUMENT = b"""#cloud-config
write_files:
- {path: /etc/greeting, content: "hello\\n", permissions: "0600"}
runcmd:
- [sh, -c, "cat /etc/greeting >> $DATA/out; hostname -I >> $DATA/out || true"]
"""


def booted(standin: SimpleNamespace, state: Path):
    data = volume(standin)
    made = server(standin, data.id)
    place = b"/srv/data" if os.geteuid() == 0 else b"../volumes/1"
    standin.instances.set_server_user_data(
        server_id=made.id, key="cloud-init", content=DOCUMENT.replace(b"$DATA", place)
    )
    act(standin, made.id, ServerAction.POWERON)
    out = state / "volumes" / data.id / "out"
    wait_for(lambda: out.exists() and "hello" in out.read_text())
    return made, out


def test_a_server_boots_for_real_and_carries_out_its_cloud_init_once(state: Path):
    with Running(state, boot=f"{BOOT} {os.getpid()}") as standin:
        made, out = booted(standin, state)
        machine = state / "machines" / made.id
        act(standin, made.id, ServerAction.POWEROFF)
        wait_for(lambda: state_of(standin, made.id) == "stopped")
        wait_for(lambda: not processes_of(machine))
        act(standin, made.id, ServerAction.POWERON)
        wait_for(lambda: processes_of(machine))
        wait_for(lambda: state_of(standin, made.id) == "running")
        assert out.read_text().count("hello") == 1
    # A stand-in that ends takes its machines along.
    wait_for(lambda: not processes_of(machine))


def test_machines_can_outlive_the_stand_in_and_are_found_again(state: Path):
    with Running(state, boot=f"{BOOT} {os.getpid()}", leave_machines=True) as standin:
        made, _ = booted(standin, state)
    machine = state / "machines" / made.id
    assert processes_of(machine)
    with Running(state, boot=f"{BOOT} {os.getpid()}") as standin:
        standin.steer("destroy", server=made.id)
        wait_for(lambda: not processes_of(machine))
        assert standin.instances.list_servers_all() == []


def test_a_machine_ends_with_its_process_however_that_ends(state: Path):
    other = subprocess.Popen(["sleep", "infinity"])
    with Running(state, boot=f"{BOOT} {other.pid}") as standin:
        made, _ = booted(standin, state)
        machine = state / "machines" / made.id
        assert processes_of(machine)
        other.kill()
        other.wait()
        wait_for(lambda: not processes_of(machine))


def processes_of(machine: Path) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            arguments = path.read_bytes()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if str(machine).encode() in arguments:
            found.append(int(path.parent.name))
    return found
