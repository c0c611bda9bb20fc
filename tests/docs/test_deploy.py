"""The deployment files name only what exists, and open no more of the private server than machines need."""

import re
import shutil
import subprocess
import uuid
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.urls import get_resolver

from butt.command import cli, doctor, machine, roles, salt_master, up  # noqa: F401 - each adds its commands
from butt.configuration import Configuration
from butt.private.gate import OPEN_TO_MACHINES
from tests.programs import program

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
INSTALL = (ROOT / "docs" / "operate" / "install.md").read_text()
ROLES = {"public", "private", "steward", "monitor"}
PARTS = ROLES | {"salt-master"}


@pytest.fixture
def services() -> dict[str, Any]:
    return dict(yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"])


def test_the_composition_runs_each_part_and_uses_only_existing_settings(services: dict[str, Any]):
    ran = {row["command"] for row in services.values() if row.get("image") == "butt"}
    assert ran == {*(f"butt {role}" for role in PARTS), "butt manage migrate"}
    assert PARTS | {"manage"} <= cli.commands.keys()
    known = {f"BUTT_{name.upper()}" for name in Configuration.model_fields}
    for row in services.values():
        if row.get("image") == "butt":
            assert row["environment"].keys() <= known | {"PGPASSWORD"}
            assert row["env_file"] == "butt.env"
    told = set(re.findall(r"^   (BUTT_[A-Z_]+)=", INSTALL, re.MULTILINE))
    ours = services["public"]["environment"].keys() - {"PGPASSWORD"}
    assert told == {"BUTT_HOME", *ours}, "as without containers"


@pytest.fixture
def composed(tmp_path: Path) -> Any:
    """The composition as Debian 12's own docker-compose reads it, with the settings of its template."""
    deploy = tmp_path / "deploy"
    shutil.copytree(DEPLOY, deploy)
    text = (deploy / "butt.env.example").read_text()
    (deploy / "butt.env").write_text(text.replace("POSTGRES_PASSWORD=", "POSTGRES_PASSWORD=a/b@c#d"))
    compose = program("docker-compose")
    command = [compose, "--env-file", "deploy/butt.env", "-f", "deploy/compose.yaml", "config"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return yaml.safe_load(done.stdout)["services"]


def test_debians_own_compose_accepts_the_composition_and_its_template(composed: Any):
    for part in PARTS:
        settings = composed[part]["environment"]
        given = {
            name.removeprefix("BUTT_").lower(): value for name, value in settings.items() if "BUTT_" in name
        }
        read = Configuration(**given)
        assert (read.billing, read.host, read.salt) == ("free", "salt", "master"), (
            "no stand-in takes payments"
        )
        assert (settings["PGPASSWORD"], read.database) == ("a/b@c#d", "postgres://butt@127.0.0.1/butt")


def test_each_part_of_the_composition_has_a_health_check(services: dict[str, Any]):
    parts = cli.commands["doctor"].params
    (choice,) = [option.type for option in parts if option.name == "part"]
    for name in PARTS:
        test = services[name]["healthcheck"]["test"]
        assert test == f"butt doctor --part {name}"
        assert name in choice.choices  # type: ignore[attr-defined]


def test_the_template_of_settings_has_only_existing_settings():
    text = (DEPLOY / "butt.env.example").read_text()
    known = {f"BUTT_{name.upper()}" for name in Configuration.model_fields}
    assert set(re.findall(r"^#?(BUTT_[A-Z_]+)=", text, re.MULTILINE)) <= known


def test_nothing_of_a_home_folder_goes_into_the_image(tmp_path: Path):
    """What Docker would send, by the rules of `.dockerignore`: the last matching line decides."""
    rules = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and line[0] != "#"]
    for path in (
        ".butt/identity", ".butt/butt.sqlite3", ".git/config", ".venv/bin/butt", "butt.env", "deploy/butt.env",
        "identity", "butt/identity", "salt/private-token", "secret-key", "packages/scuttlekit/node_modules/x.js", "build/x",
    ):  # fmt: skip
        assert not _is_sent(path, rules), path
    needed = re.findall(r"^COPY (.*) \S+$", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)
    assert needed
    for path in (
        "butt/settings.py", "packages/scuttlekit/PUB.md", "salt/master.conf", "deploy/Caddyfile", "scripts/setup.py", "Makefile", "pyproject.toml",
        "requirements/run.txt", "standins/stripe/pyproject.toml", "README.md", "LICENSE",
    ):  # fmt: skip
        assert _is_sent(path, rules), path


def _is_sent(path: str, rules: list[str]) -> bool:
    parts = Path(path).parts
    every = ["/".join(parts[: number + 1]) for number in range(len(parts))]
    sent = True
    for rule in rules:
        pattern = rule.removeprefix("!")
        if pattern.startswith("**/"):
            hit = any(fnmatch(part, pattern[3:]) for part in parts)
        else:
            hit = any(fnmatch(each, pattern) for each in every)
        if hit:
            sent = rule.startswith("!")
    return sent


def test_parts_of_the_composition_have_no_rights_and_write_only_the_home_folder(
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
    """A root with the units in it, and with everything that they start."""
    root = tmp_path / "root"
    units = root / "etc" / "systemd" / "system"
    units.mkdir(parents=True)
    for unit in UNITS:
        shutil.copy(unit, units)
    for path in ("srv/butt/.venv/bin/butt", "bin/sh"):
        (root / path).parent.mkdir(parents=True)
        (root / path).touch(0o755)
    return root


def analyzed(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [program("systemd-analyze", "systemd"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_the_units_have_few_rights_and_are_valid(unit: Path, systemd: Path):
    one = unit.name.replace("@", "@public")
    said = analyzed("verify", f"--root={systemd}", "--recursive-errors=no", "--man=no", one)
    assert (said.returncode, said.stderr) == (0, "")
    said = analyzed("security", "--offline=true", f"--root={systemd}", "--threshold=20", one)
    assert said.returncode == 0, said.stdout


def test_the_units_run_each_part_in_the_guides_folders():
    text = {unit.name: unit.read_text() for unit in UNITS}
    assert set(text) == {"butt@.service", "butt-salt-master.service", "butt-backup.service"}
    enabled = [found.split() for found in re.findall(r"`systemctl enable --now (.+)`", INSTALL)]
    sockets = {path.name for path in (DEPLOY / "systemd").glob("*.socket")}
    assert set(enabled[0]) == sockets, "first, as a part else listens itself"
    assert set(enabled[1]) == {*(f"butt@{role}" for role in ROLES), "butt-salt-master"}
    for name, unit in text.items():
        for line in ("User=butt", "UMask=0077", "NoNewPrivileges=yes", "ProtectSystem=strict"):
            assert line in unit.splitlines()
        once = name == "butt-backup.service"
        for line in ("Type=oneshot",) if once else ("Restart=always", "LimitNOFILE=65536"):
            assert line in unit.splitlines()
        assert not re.search(r"^Environment=", unit, re.MULTILINE), "all users of a machine can read units"


def test_the_sockets_listen_where_the_default_settings_say():
    default = {name: field.default for name, field in Configuration.model_fields.items()}
    for part, prefix in (("public", ""), ("private", "private_")):
        text = (DEPLOY / "systemd" / f"butt@{part}.socket").read_text()
        assert f"\nListenStream={default[f'{prefix}bind']}:{default[f'{prefix}port']}\n" in text


def test_the_proxy_opens_only_machines_paths_of_the_private_server():
    matcher = re.search(r"path_regexp (\S+)", (DEPLOY / "Caddyfile").read_text())
    assert matcher
    given = {"minion_id": "m0123456789abcdef", "bot_id": str(uuid.uuid4()), "export_id": str(uuid.uuid4())}
    given |= {"line": "1700000000000-0123abcd", "start": "1048576", "name": "0a" * 32, "what": "secret"}
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
