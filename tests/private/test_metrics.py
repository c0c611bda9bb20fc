"""What Prometheus reads, and the dashboard that is drawn from it."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from butt.agents.models import Agent, Progress
from butt.agents.states import State
from butt.beats.counting import count
from butt.beats.heart import Heart
from butt.clouds.models import AccessKey
from butt.configuration import configuration
from butt.health.readiness import readiness
from butt.limits import slowed
from butt.limits.table import HEAD_BYTES
from butt.monitor.membership import Membership
from butt.monitor.samples import Seen, write
from butt.private import backup_metrics
from butt.vault.models import Vaulted
from tests.figures.history import MIB, figures
from tests.machines.machines import machine
from tests.people import bot_in, many_bots, person

pytestmark = pytest.mark.django_db

DASHBOARD = Path(__file__).parents[2] / "docs" / "grafana" / "butt.json"


@pytest.fixture
def prometheus(settings: Any) -> Client:
    settings.ROOT_URLCONF = "butt.private.urls"
    settings.MIDDLEWARE = ["butt.private.gate.bearer"]
    return Client(headers={"Authorization": f"Bearer {configuration().master_token()}"})


@pytest.fixture
def bot() -> Agent:
    bot = bot_in(State.ALIVE, person("alice"))
    write({bot.id: [Seen(timezone.now(), figures(timezone.now()))]})
    return bot


def read(prometheus: Client) -> dict[str, dict[str, float]]:
    """Each metric's values, by the labels that distinguish them."""
    families = text_string_to_metric_families(prometheus.get("/metrics").content.decode())
    samples = [sample for family in families for sample in family.samples]
    read: dict[str, dict[str, float]] = {}
    for sample in samples:
        label = next(
            (
                sample.labels[key]
                for key in ("name", "state", "monitor", "machine", "limit", "cloud")
                if key in sample.labels
            ),
            "",
        )
        read.setdefault(sample.name, {})[label] = sample.value
    return read


def test_the_running_version_is_a_metric(prometheus: Client):
    answer = prometheus.get("/metrics").content.decode()
    (line,) = re.findall(r"^butt_build_info{(.*)} 1.0$", answer, re.MULTILINE)
    assert f'version="{version("butt")}"' in line.split(",")


def test_each_bot_has_metrics_by_id_and_name(prometheus: Client, bot: Agent):
    told = read(prometheus)
    assert told["butt_bot_alive"] == {"my": 1}
    assert told["butt_bot_memory_bytes"] == {"my": 80 * MIB}
    assert told["butt_bot_received_bytes_total"] == {"my": 1000}
    assert told["butt_bot_messages"] == {"my": 1234}
    assert f'id="{bot.id}"' in prometheus.get("/metrics").content.decode()


def test_the_services_own_health_is_a_metric(prometheus: Client, bot: Agent):
    Progress.objects.update(due_at=timezone.now() - timedelta(seconds=30))
    membership = Membership()
    membership.beat(watching=1, written=5, lost=2)
    told = read(prometheus)
    assert told["butt_bots"]["alive"] == 1
    assert set(told["butt_bots"]) == set(State)
    assert 29 < told["butt_steward_lag_seconds"][""] < 60
    assert told["butt_monitor_samples_written_total"] == {str(membership.id): 5}
    assert told["butt_monitor_samples_lost_total"] == {str(membership.id): 2}
    assert told["butt_monitor_beat_age_seconds"][str(membership.id)] < 5


def test_each_process_has_its_counters(prometheus: Client):
    count("requests", "5xx")
    count("requests_within", "0.5")
    Heart("public").beat()
    said = prometheus.get("/metrics").content.decode()
    assert re.search(r'butt_requests_total\{part="public",process="[0-9a-f-]+",status="5xx"\} [1-9]', said)
    assert re.search(
        r'butt_request_seconds_bucket\{le="0.5",part="public",process="[0-9a-f-]+"\} [1-9]', said
    )
    assert 'butt_part_up{part="public"} 1.0' in said
    assert 'butt_part_up{part="steward"} 0.0' in said, "a series that vanished would fire no alarm"


def test_parts_that_share_a_process_count_everything_once(prometheus: Client):
    count("mail", "sent")
    Heart("private").beat()
    Heart("monitor", counts=False).beat()
    said = prometheus.get("/metrics").content.decode()
    assert re.findall(r'butt_mail_total\{outcome="sent",part="(\w+)"', said) == ["private"]
    assert 'butt_part_up{part="monitor"} 1.0' in said


def test_each_limit_counts_how_often_it_slowed_somebody_down(prometheus: Client):
    for who in ("address 192.0.2.1/32", "address 192.0.2.2/32"):
        slowed.note(HEAD_BYTES, who)
    slowed.write_noted()
    assert read(prometheus)["butt_slowed_total"]["head-bytes"] == 2
    assert "192.0.2" not in prometheus.get("/metrics").content.decode()


def test_each_machine_has_metrics_of_its_report(prometheus: Client):
    facts = {"diskFree": 5, "load": 0.5, "outOfMemoryKills": 2}
    machine("m1", generation=3, seen_generation=2, seen_at=timezone.now(), facts=facts)
    machine("m2")
    told = read(prometheus)
    assert told["butt_machine_disk_free_bytes"] == {"m1": 5}
    assert told["butt_machine_out_of_memory_kills_total"] == {"m1": 2}
    assert told["butt_machine_behind"] == {"m1": 1, "m2": 0}


def test_the_expiry_of_the_clouds_key_is_a_metric(prometheus: Client):
    ends = timezone.now() + timedelta(days=20)
    key = AccessKey.objects.create(cloud="attic", at=timezone.now())
    assert "butt_cloud_key_ends_timestamp_seconds" not in read(prometheus)
    AccessKey.objects.filter(cloud=key.cloud).update(ends_at=ends)
    told = read(prometheus)["butt_cloud_key_ends_timestamp_seconds"]
    assert told == {"attic": pytest.approx(ends.timestamp(), abs=1)}


@pytest.fixture
def backups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The place of the service's backups, where there are none yet."""
    monkeypatch.setenv("BUTT_BACKUP_TO", f"file://{tmp_path / 'kept'}")
    monkeypatch.setattr(backup_metrics, "_look", backup_metrics._Look())
    configuration.cache_clear()
    yield tmp_path / "kept"
    monkeypatch.undo()
    configuration.cache_clear()


def test_the_age_of_the_newest_backup_is_a_metric(prometheus: Client, backups: Path):
    backups.mkdir()
    for day in ("20261101", "20261103"):
        (backups / f"butt-{day}T020000Z.zip.age").touch()
    told = read(prometheus)
    assert told["butt_backup_newest_timestamp_seconds"] == {
        "": datetime(2026, 11, 3, 2, tzinfo=UTC).timestamp()
    }
    assert told["butt_backups_reached"] == {"": 1}


def test_without_a_backup_the_newest_is_from_1970(prometheus: Client, backups: Path):
    told = read(prometheus)
    assert told["butt_backup_newest_timestamp_seconds"] == {"": 0}, "so that the alarm fires"


def test_an_unreachable_place_of_backups_is_a_metric(prometheus: Client, backups: Path):
    backups.write_text("a file, and no folder")
    told = read(prometheus)
    assert told["butt_backups_reached"] == {"": 0}
    assert "butt_backup_newest_timestamp_seconds" not in told


def test_the_dashboard_shows_each_metric_and_no_other(prometheus: Client, bot: Agent, backups: Path):
    facts = dict.fromkeys(("diskFree", "diskTotal", "memoryFree", "memoryTotal", "load"), 1)
    machine("m1", seen_at=timezone.now(), facts={**facts, "outOfMemoryKills": 0, "restarts": 0})
    Membership().beat(watching=1, written=0, lost=0)
    slowed.note(HEAD_BYTES, "address 192.0.2.1/32")
    slowed.write_noted()
    Vaulted.objects.create(bot_id=bot.id, checked_at=timezone.now(), sound=True)
    AccessKey.objects.create(cloud="attic", ends_at=timezone.now(), at=timezone.now())
    count("requests", "2xx")
    count("mail", "sent")
    Heart("public").beat()
    drawn = {
        name
        for panel in json.loads(DASHBOARD.read_text())["panels"]
        for target in panel["targets"]
        for name in re.findall(r"butt_\w+", target["expr"])
    }
    assert drawn == {name for name in read(prometheus) if not name.endswith("_created")}


def test_a_stranger_cannot_read_metrics(prometheus: Client):
    assert prometheus.get("/metrics", headers={"Authorization": "Bearer x"}).status_code == 401


@pytest.mark.parametrize("bots", [1, 100])
def test_the_number_of_queries_does_not_grow_with_the_bots(
    prometheus: Client, bots: int, django_assert_num_queries: Any
):
    many_bots(person("alice"), bots)
    readiness()
    with django_assert_num_queries(10):
        assert prometheus.get("/metrics").content.count(b"butt_bot_alive{") == bots
