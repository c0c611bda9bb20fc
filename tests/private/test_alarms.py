"""Every alarm of `docs/prometheus/alerts.yaml` fires: Prometheus's own program evaluates the rules."""

import json
import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from tests.lanes import free_ports
from tests.programs import program
from tests.service import wait_for
from tests.tables import with_tables

RULES = Path(__file__).parents[2] / "docs" / "prometheus" / "alerts.yaml"
ALARMS = {
    rule["alert"]: rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]
}
DAY = 86400

FIRING = {
    "ButtPrivateServerDown": {'up{job="butt"}': "0x60"},
    "ButtPartDown": {'butt_part_up{part="steward"}': "0x60"},
    "ButtNotReady": {'butt_check_ok{check="mail"}': "0x60"},
    "ButtStewardLate": {"butt_steward_lag_seconds": "61x60"},
    "ButtMonitorSilent": {
        'butt_monitor_beat_age_seconds{monitor="a"}': "31x60", 'butt_monitor_beat_age_seconds{monitor="b"}': "4000x60"
    },
    "ButtSamplesLost": {'butt_monitor_samples_lost_total{monitor="a"}': "0+1x60"},
    "ButtBotsBroken": {'butt_bots{state="broken"}': "1x60"},
    "ButtBotsDown": {"butt_bots_down": "2x60", 'butt_bots{state="alive"}': "10x60"},
    "ButtErrors": {'butt_requests_total{status="5xx"}': "0+2x60", 'butt_requests_total{status="2xx"}': "0+100x60"},
    "ButtSlow": {
        'butt_request_seconds_bucket{part="public",le="1.0"}': "0+90x60",
        'butt_request_seconds_bucket{part="public",le="2.5"}': "0+100x60",
        'butt_request_seconds_bucket{part="public",le="+Inf"}': "0+100x60",
    },
    "ButtMailFails": {'butt_mail_total{outcome="failed"}': "0+1x60"},
    "ButtQueueOld": {'butt_queue_age_seconds{queue="jobs"}': "601x60"},
    "ButtPaymentsFail": {"butt_payers_failing": "1x60"},
    "ButtMachineDiskFull": {
        'butt_machine_disk_free_bytes{machine="m"}': "9x60", 'butt_machine_disk_bytes{machine="m"}': "100x60"
    },
    "ButtMachineSilent": {'butt_machine_seen_timestamp_seconds{machine="m"}': "0x60"},
    "ButtMachineBehind": {'butt_machine_behind{machine="m"}': "1x60"},
    "ButtMachineOutOfMemory": {'butt_machine_out_of_memory_kills_total{machine="m"}': "0+1x60"},
    "ButtVaultBehind": {'butt_vault_behind_seconds{name="b"}': "301x60"},
    "ButtVaultUnsound": {'butt_vault_sound{name="b"}': "0x60"},
    "ButtBotLost": {'butt_bot_lost{name="b"}': "1x60"},
    "ButtCloudKeyEnds": {'butt_cloud_key_ends_timestamp_seconds{cloud="c"}': f"{13 * DAY}x60"},
    "ButtBackupOld": {"butt_backup_newest_timestamp_seconds": f"-{2 * DAY}x60"},
    "ButtBackupsUnreached": {"butt_backups_reached": "0x60"},
}  # fmt: skip
"""Of each alarm: series under which it has to fire after an hour."""

WELL = {
    'up{job="butt"}': "1x60",
    'butt_part_up{part="steward"}': "1x60",
    'butt_check_ok{check="mail"}': "1x60",
    "butt_steward_lag_seconds": "1x60",
    'butt_monitor_beat_age_seconds{monitor="a"}': "2x60",
    'butt_monitor_beat_age_seconds{monitor="b"}': "4000x60",
    'butt_monitor_samples_lost_total{monitor="a"}': "3x60",
    'butt_bots{state="broken"}': "0x60",
    'butt_bots{state="alive"}': "30x60",
    "butt_bots_down": "2x60",
    'butt_requests_total{status="5xx"}': "0+1x60",
    'butt_requests_total{status="2xx"}': "0+200x60",
    'butt_request_seconds_bucket{part="public",le="1.0"}': "0+99x60",
    'butt_request_seconds_bucket{part="public",le="2.5"}': "0+100x60",
    'butt_request_seconds_bucket{part="public",le="+Inf"}': "0+100x60",
    'butt_mail_total{outcome="failed"}': "1x60",
    'butt_queue_age_seconds{queue="jobs"}': "5x60",
    "butt_payers_failing": "0x60",
    'butt_machine_disk_free_bytes{machine="m"}': "11x60",
    'butt_machine_disk_bytes{machine="m"}': "100x60",
    'butt_machine_seen_timestamp_seconds{machine="m"}': "0+60x60",
    'butt_machine_behind{machine="m"}': "0x60",
    'butt_machine_out_of_memory_kills_total{machine="m"}': "2x60",
    'butt_cloud_key_ends_timestamp_seconds{cloud="c"}': f"{15 * DAY}x60",
    "butt_backup_newest_timestamp_seconds": f"-{DAY}x60",
    "butt_backups_reached": "1x60",
    'butt_vault_behind_seconds{name="b"}': "20x60",
    'butt_vault_sound{name="b"}': "1x60",
    'butt_bot_lost{name="b"}': "0x60",
}


def firing(folder: Path, series: Mapping[str, str]) -> set[tuple[str, str]]:
    """The alarms that fire after an hour of these series, one value per minute, each with its labels."""
    given = [{"series": name, "values": values} for name, values in series.items()]
    told = 'ALERTS{alertstate="firing"}'
    # It prints what exists only where that differs from the expectation.
    asked = [
        {
            "expr": told,
            "eval_time": "60m",
            "exp_samples": [{"labels": 'ALERTS{alertname="None"}', "value": 1}],
        }
    ]
    test = {"rule_files": [str(RULES)], "evaluation_interval": "1m"}
    test["tests"] = [{"interval": "1m", "input_series": given, "promql_expr_test": asked}]
    file = folder / "test.yaml"
    file.write_text(json.dumps(test))
    done = subprocess.run(
        [program("promtool", "prometheus"), "test", "rules", str(file)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    said = done.stdout + done.stderr
    assert "got:" in said, said
    return set(re.findall(r'alertname="(\w+)"([^}]*)\}', said.partition("got:")[2]))


def test_prometheus_accepts_the_rules():
    done = subprocess.run(
        [program("promtool", "prometheus"), "check", "rules", str(RULES)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_alarm_fires_and_none_if_all_is_well(tmp_path: Path):
    assert set(FIRING) == set(ALARMS), "an alarm that is seen nowhere to fire"
    assert firing(tmp_path, WELL) == set()
    bad = {name: values for series in FIRING.values() for name, values in series.items()}
    fired = {name for name, _ in firing(tmp_path, {**WELL, **bad})}
    assert fired == set(ALARMS)


def test_alarms_use_only_existing_metrics():
    text = (Path(__file__).parents[2] / "docs" / "grafana" / "butt.json").read_text()
    drawn = {name.removesuffix("_bucket") for name in re.findall(r"butt_\w+", text)}
    for name, rule in ALARMS.items():
        read = {each.removesuffix("_bucket") for each in re.findall(r"butt_\w+", rule["expr"])}
        assert read <= drawn, name


class Parts:
    """The parts of a service, each a process of its own, as their units run them."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self.port, self._private, *bots = free_ports(6)
        ours = {name: value for name, value in os.environ.items() if not name.startswith("BUTT_")}
        self._environment = {
            **ours,
            "BUTT_HOME": str(home),
            "BUTT_PORT": str(self.port),
            "BUTT_PRIVATE_PORT": str(self._private),
            "BUTT_PUB_PORTS": f"{bots[0]}-{bots[-1]}",
            "BUTT_BILLING": "free",
        }
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    def starts(self, part: str) -> None:
        command = [sys.executable, "-m", "butt", part]
        with (self._home / f"{part}.log").open("wb") as log:
            self.running[part] = subprocess.Popen(command, env=self._environment, stdout=log, stderr=log)

    def stops(self, part: str) -> None:
        """As systemd does."""
        self.running[part].send_signal(signal.SIGTERM)
        self.running[part].wait(30)

    def metrics(self) -> dict[str, str]:
        """The service's series as Prometheus has them after an hour of this; an unreadable target is down."""
        request = urllib.request.Request(f"http://127.0.0.1:{self._private}/metrics")
        try:
            request.add_header("Authorization", f"Bearer {(self._home / 'private-token').read_text()}")
            with urllib.request.urlopen(request, timeout=30) as answer:
                text = answer.read().decode()
        except (OSError, urllib.error.URLError):
            return {'up{job="butt"}': "0x60"}
        found = {'up{job="butt"}': "1x60"}
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                labels = ",".join(f'{name}="{value}"' for name, value in sample.labels.items())
                found[f"{sample.name}{{{labels}}}"] = f"{sample.value:g}x60"
        return found

    def lives(self, part: str) -> bool:
        return self.metrics().get(f'butt_part_up{{part="{part}"}}') == "1x60"


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[Parts]:
    with_tables(tmp_path)
    parts = Parts(tmp_path)
    yield parts
    for process in parts.running.values():
        process.kill()
        process.wait(30)


def test_an_alarm_fires_for_each_part_that_stops(parts: Parts, tmp_path: Path):
    """Also one that stops on request: its series stay."""
    names = ("public", "private", "steward", "monitor")
    for part in names:
        parts.starts(part)
    for part in names:
        wait_for(lambda part=part: parts.lives(part))
    assert not {name for name, _ in firing(tmp_path, parts.metrics())} & {
        "ButtPartDown",
        "ButtPrivateServerDown",
    }
    for part in ("public", "steward", "monitor"):
        parts.stops(part)
    told = {labels for name, labels in firing(tmp_path, parts.metrics()) if name == "ButtPartDown"}
    assert {re.search(r'part="(\w+)"', labels)[1] for labels in told} == {"public", "steward", "monitor"}  # type: ignore[index]
    parts.stops("private")
    assert {name for name, _ in firing(tmp_path, parts.metrics())} == {"ButtPrivateServerDown"}
