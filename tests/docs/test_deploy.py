"""What is given along to run the service with: it names only what there is, and opens no more of the private server than machines need."""

import re
import shutil
import subprocess
import uuid
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.urls import get_resolver

from butt.command import cli, machine, roles, up  # noqa: F401 - each adds its commands
from butt.configuration import Configuration
from butt.private.gate import OPEN_TO_MACHINES

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
OPERATE = (ROOT / "docs" / "operate.md").read_text()
ROLES = {"public", "private", "steward", "monitor"}


@pytest.fixture
def services() -> dict[str, Any]:
    return dict(yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"])


def test_the_composition_runs_each_part_and_knows_only_settings_that_there_are(services: dict[str, Any]):
    ran = {row["command"] for row in services.values() if row.get("image") == "butt"}
    assert ran == {*(f"butt {role}" for role in ROLES), "butt manage migrate", "salt-master"}
    assert ROLES | {"manage"} <= cli.commands.keys()
    known = {f"BUTT_{name.upper()}" for name in Configuration.model_fields}
    for row in services.values():
        if row.get("image") == "butt":
            assert row["environment"].keys() <= known
    told = set(re.findall(r"^   (BUTT_[A-Z_]+)=", OPERATE, re.MULTILINE))
    assert told == {"BUTT_HOME", *services["public"]["environment"]}, "as without containers"


def test_parts_of_the_composition_have_no_rights_and_keep_nothing_but_the_home_folder(
    services: dict[str, Any],
):
    for name, row in services.items():
        if row.get("image") == "butt":
            assert (row["read_only"], row["cap_drop"]) == (True, ["ALL"]), name
            assert row["security_opt"] == ["no-new-privileges:true"], name
            assert row["volumes"] == ["home:/var/lib/butt"], name
        assert row["cap_drop"] == ["ALL"], name
        assert row["security_opt"] == ["no-new-privileges:true"], name
    rights = {name: set(row["cap_add"]) for name, row in services.items() if "cap_add" in row}
    assert rights == {
        "postgres": {"CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID"},
        "caddy": {"NET_BIND_SERVICE"},
    }


UNITS = sorted((DEPLOY / "systemd").glob("*.service"))


@pytest.fixture
def systemd(tmp_path: Path) -> Path:
    """A root with the units in it, and with all that they start."""
    root = tmp_path / "root"
    units = root / "etc" / "systemd" / "system"
    units.mkdir(parents=True)
    for unit in UNITS:
        shutil.copy(unit, units)
    for program in ("srv/butt/.venv/bin/butt", "srv/butt/.salt/bin/salt-master"):
        (root / program).parent.mkdir(parents=True)
        (root / program).touch(0o755)
    return root


def analyzed(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = ["systemd-analyze", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_the_units_have_few_rights_and_systemd_knows_all_that_they_say(unit: Path, systemd: Path):
    one = unit.name.replace("@", "@public")
    said = analyzed("verify", f"--root={systemd}", "--recursive-errors=no", "--man=no", one)
    assert (said.returncode, said.stderr) == (0, "")
    said = analyzed("security", "--offline=true", f"--root={systemd}", "--threshold=20", one)
    assert said.returncode == 0, said.stdout


def test_the_units_run_each_part_and_keep_to_the_places_of_the_guide():
    text = {unit.name: unit.read_text() for unit in UNITS}
    assert set(text) == {"butt@.service", "butt-salt-master.service"}
    assert set(re.search(r"systemctl enable --now (.+)`", OPERATE)[1].split()) == {  # type: ignore[index]
        *(f"butt@{role}" for role in ROLES),
        "butt-salt-master",
    }
    for unit in text.values():
        for line in (
            "User=butt",
            "UMask=0077",
            "NoNewPrivileges=yes",
            "ProtectSystem=strict",
            "Restart=always",
        ):
            assert line in unit.splitlines()
        assert "LimitNOFILE=65536" in unit
        assert not re.search(r"^Environment=", unit, re.MULTILINE), "all users of a machine can read units"


def test_the_proxy_lets_machines_through_to_what_is_theirs_and_nobody_to_anything_else():
    matcher = re.search(r"path_regexp (\S+)", (DEPLOY / "Caddyfile").read_text())
    assert matcher
    given = {"minion_id": "m0123456789abcdef", "bot_id": str(uuid.uuid4()), "export_id": str(uuid.uuid4())}
    resolver = get_resolver("butt.private.urls")
    for pattern in resolver.url_patterns:
        path = "/" + re.sub(r"<\w+:(\w+)>", lambda found: given[found[1]], str(pattern.pattern))
        assert bool(re.search(matcher[1], path)) == (pattern.name in OPEN_TO_MACHINES), path
    for path in (
        "/agents/m1/report/../../m2",
        "/metrics/agents/m1/report",
        "/agents/m1/report\n",
        "/agents/a/b/report",
    ):
        assert not re.search(matcher[1].replace("$", r"\Z"), path)
