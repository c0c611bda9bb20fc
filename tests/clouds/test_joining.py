"""An existing machine joins by the same steps as a rented one."""

import base64
import os
import re
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from django.utils import timezone

from butt.clouds.cloud_init import DOCKER, SALT
from butt.clouds.joining import script
from butt.command import joining
from butt.command import machine as command
from butt.machines.models import Machine
from butt.machines.registry import bundle, register
from tests.sources.conftest import settings_of

__all__ = ["settings_of"]

pytestmark = pytest.mark.django_db


def placed(text: str) -> dict[str, str]:
    found = re.findall(r"^put (\S+) \d+ (\S+)$", text, re.MULTILINE)
    return {path: base64.b64decode(content).decode() for path, content in found}


def test_the_script_installs_what_a_rented_machine_gets_but_no_volume():
    made = register()
    text = script(made)
    there, programs = placed(text), "/usr/local/sbin"
    assert (there[f"{programs}/butt-docker"], there[f"{programs}/butt-salt"]) == (DOCKER, SALT)
    steps = re.findall(r'^ *step (\d) "[^"]*" \d+ (.*)$', there[f"{programs}/butt-boot"], re.MULTILINE)
    assert steps == [
        ("3", "butt-docker"),
        ("4", "butt-salt"),
        ("5", "systemctl restart docker salt-minion"),
    ]
    assert "__" not in there[f"{programs}/butt-boot"]
    assert f"{programs}/butt-mount" not in there
    assert "/etc/docker/daemon.json" not in there, "what is said of Docker there stays"
    assert "fence.rules" in there["/etc/systemd/system/docker.service.d/butt.conf"]
    assert f"id: {made.minion_id}\n" in there["/etc/salt/minion.d/butt.conf"]
    assert there["/etc/salt/pki/minion/minion.pem"] == (bundle(made) / "minion.pem").read_text()
    assert there["/etc/butt/token"] == (bundle(made) / "token").read_text()
    subprocess.run(["sh", "-n"], input=text, text=True, check=True)


def test_a_machine_without_apt_is_left_alone(tmp_path: Path):
    (tmp_path / "id").write_text("#!/bin/sh\necho 0\n")
    (tmp_path / "id").chmod(0o755)
    head = script(register()).partition("put()")[0]
    done = subprocess.run(
        ["/bin/sh"], input=head, text=True, capture_output=True, env={"PATH": str(tmp_path)}, check=False
    )
    assert done.returncode == 1
    assert "apt-get is missing" in done.stderr


@pytest.fixture
def ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings_of: Any) -> Path:
    """An ssh that keeps what it is given, says what is in the file `words`, and ends as the file `code` says."""
    program = tmp_path / "ssh"
    program.write_text(
        f"#!/bin/sh\ncat >{tmp_path}/given\ncat {tmp_path}/words >&2\nexit $(cat {tmp_path}/code)\n"
    )
    program.chmod(0o755)
    (tmp_path / "words").write_text("no route to host")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(command, "configure", lambda **_: None)
    monkeypatch.setattr(joining, "JOIN_SECONDS", 0.0)
    settings_of(host="salt", salt="master")
    return tmp_path


def test_joining_over_ssh_again_continues_with_the_same_machine(ssh: Path, monkeypatch: pytest.MonkeyPatch):
    (ssh / "code").write_text("255")
    said = CliRunner().invoke(command.machine, ["add", "root@new.example.org"])
    assert (said.exit_code, "no route to host" in said.output) == (1, True)
    (ssh / "code").write_text("0")
    said = CliRunner().invoke(command.machine, ["add", "root@new.example.org"])
    assert "has not reported" in said.output
    made = Machine.objects.get()
    assert (ssh / "given").read_text() == script(made)
    Machine.objects.update(seen_at=timezone.now())
    monkeypatch.setattr(joining, "JOIN_SECONDS", 5.0)
    said = CliRunner().invoke(command.machine, ["add", "root@new.example.org"])
    assert (said.exit_code, f"{made.minion_id} has reported" in said.output) == (0, True), said.output
    assert Machine.objects.count() == 1
    said = CliRunner().invoke(command.machine, ["add", "root@new.example.org", "--script"])
    assert said.output == script(made)
    assert CliRunner().invoke(command.machine, ["add", "--", "-oProxyCommand=x"]).exit_code == 1


def test_the_service_makes_an_ssh_key_and_says_how_to_authorise_it(
    ssh: Path, settings_of: Any, tmp_path: Path
):
    service = tmp_path / "service"
    service.mkdir()
    settings_of(home=service)
    (ssh / "code").write_text("255")
    (ssh / "words").write_text("root@new.example.org: Permission denied (publickey).")
    said = CliRunner().invoke(command.machine, ["add", "root@new.example.org"]).output
    key = (service / "ssh" / "id_ed25519.pub").read_text().strip()
    (line,) = [line.strip() for line in said.splitlines() if "authorized_keys" in line]
    home = tmp_path / "there"
    home.mkdir()
    subprocess.run(["/bin/sh", "-c", line], env={"HOME": str(home), "PATH": os.defpath}, check=True)
    assert (home / ".ssh" / "authorized_keys").read_text() == f"{key}\n"
    assert stat.S_IMODE((service / "ssh" / "id_ed25519").stat().st_mode) == 0o600
    CliRunner().invoke(command.machine, ["add", "root@new.example.org"])
    assert (service / "ssh" / "id_ed25519.pub").read_text().strip() == key, "it is made once"


def test_where_bots_run_as_processes_no_machine_is_begun(ssh: Path, settings_of: Any):
    settings_of(host="processes")
    said = CliRunner().invoke(command.machine, ["add", "root@new.example.org"])
    assert (said.exit_code, "Set BUTT_HOST=salt, BUTT_SALT=master" in said.output) == (1, True)
    assert not Machine.objects.exists()


def test_an_unknown_host_key_says_where_to_look(ssh: Path):
    (ssh / "code").write_text("255")
    (ssh / "words").write_text("Host key verification failed.")
    said = CliRunner().invoke(command.machine, ["add", "root@new.example.org"]).output
    assert "ssh-keygen -lf" in said
