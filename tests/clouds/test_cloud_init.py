"""The document that a machine boots with: its content, and its scripts when they run."""

import base64
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from butt.clouds.cloud_init import BOOT, DATA, DOCKER, HOLD, MOUNT, SALT, STATE, Minion, document

MINION = Minion("-----PRIVATE-----\n", "-----PUBLIC-----\n", "id: m-1\n", "-----MASTER-----\n", "a token")


def config(minion: Minion = MINION) -> dict:
    head, body = document(minion, "/dev/disk/by-id/the-volume").split(b"\n", 1)
    assert head == b"#cloud-config"
    return json.loads(body)


def files() -> dict[str, tuple[str, str]]:
    return placed_files(document(MINION, "/dev/disk/by-id/the-volume"))


def placed_files(whole: bytes) -> dict[str, tuple[str, str]]:
    """What the document puts in place: content and permissions by path."""
    (begin,) = json.loads(whole.split(b"\n", 1)[1])["bootcmd"]
    found = re.findall(r"^put (\S+) (\d+) (\S+)$", begin, re.MULTILINE)
    return {path: (base64.b64decode(content).decode(), mode) for path, mode, content in found}


def test_the_minion_has_its_key_and_knows_its_master_before_it_starts():
    there, pki = files(), "/etc/salt/pki/minion"
    assert there[f"{pki}/minion.pem"] == (MINION.private_key, "0400")
    assert there[f"{pki}/minion_master.pub"][0] == MINION.master_key
    assert there["/etc/salt/minion.d/butt.conf"][0] == "id: m-1\n"
    assert there["/etc/butt/token"] == ("a token", "0600")


def test_no_minion_starts_without_the_volume_mounted():
    steps = re.findall(r'^ *step \d "[^"]*" \d+ (.*)$', files()["/usr/local/sbin/butt-boot"][0], re.MULTILINE)
    assert steps[0] == "butt-mount /dev/disk/by-id/the-volume"
    assert steps[-1] == "systemctl restart docker salt-minion"


def test_each_step_has_a_time_limit_and_reports_that_it_began():
    steps = re.findall(r'^ *step (\d) "([^"]*)" (\d+) ', BOOT, re.MULTILINE)
    assert [int(number) for number, _, _ in steps] == [1, 2, 3, 4, 5]
    assert all(0 < int(seconds) <= 600 for _, _, seconds in steps)


def test_everything_runs_at_every_boot():
    """The rest of cloud-init runs once, even if its power was cut in the middle."""
    assert set(config()) == {"ssh_pwauth", "disable_root", "bootcmd"}
    (begin,) = config()["bootcmd"]
    assert begin.endswith("systemctl start --no-block butt-boot.service")


@pytest.mark.parametrize("service", ["docker", "salt-minion"])
def test_docker_and_minion_wait_for_the_volume_after_a_restart_too(service: str):
    unit, _ = files()[f"/etc/systemd/system/{service}.service.d/butt.conf"]
    assert f"RequiresMountsFor={DATA}" in unit
    assert f"ConditionPathExists={STATE}/held" in unit


def test_nobody_can_log_in_with_a_password():
    assert config()["ssh_pwauth"] is False


@pytest.mark.parametrize("script", [MOUNT, HOLD, DOCKER, SALT, BOOT])
def test_the_scripts_are_valid_shell(script: str, tmp_path: Path):
    (tmp_path / "script").write_text(script)
    done = subprocess.run(["sh", "-n", str(tmp_path / "script")], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


class Machine:
    """A throw-away root over this machine's, in a mount namespace of its own; the volume is a file behind a loop device."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        for name in ("upper", "work", "root"):
            (folder / name).mkdir()
        (folder / "butt-mount").write_text(MOUNT)
        with (folder / "volume").open("wb") as volume:
            volume.truncate(64 << 20)

    def runs(self, script: str) -> str:
        f = self._folder
        inner = "mount -t proc proc /proc; mount --bind /outside/dev /dev; device=$1; set -e; " + script
        outer = (
            f"set -e; device=$(losetup -f --show {f}/volume); trap 'losetup -d $device' EXIT; "
            f"mount -t overlay overlay -o lowerdir=/,upperdir={f}/upper,workdir={f}/work {f}/root; "
            f"mkdir -p {f}/root/outside/dev; mount --bind /dev {f}/root/outside/dev; cp {f}/butt-mount {f}/root/butt-mount; "
            f"chroot {f}/root sh -c '{inner}' - $device"
        )
        command = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", outer]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


def test_a_file_system_is_made_once_and_keeps_its_data(tmp_path: Path):
    if os.geteuid() != 0 or not shutil.which("losetup"):
        # Only root can mount. Without it, we can only see that the script makes nothing before it has looked.
        assert MOUNT.index("blkid") < MOUNT.index("mkfs")
        return
    machine = Machine(tmp_path)
    mount = "sh /butt-mount $device; "
    machine.runs(mount + f"echo log > {DATA}/log; sh /butt-mount $device; umount {DATA}")
    assert machine.runs(mount + f"cat {DATA}/log; umount {DATA}") == "log\n"


def test_no_container_of_an_earlier_machine_starts_by_itself(tmp_path: Path):
    folder = tmp_path / "docker" / "containers" / "c1"
    folder.mkdir(parents=True)
    policy = '{"Memory":1,"RestartPolicy":{"Name":"unless-stopped","MaximumRetryCount":0},"AutoRemove":false}'
    (folder / "hostconfig.json").write_text(policy)
    script = HOLD.replace(STATE, str(tmp_path)).replace(DATA, str(tmp_path))
    subprocess.run(["sh", "-c", script], check=True)
    held = json.loads((folder / "hostconfig.json").read_text())
    assert held == json.loads(policy) | {"RestartPolicy": {"Name": "no", "MaximumRetryCount": 0}}
    (folder / "hostconfig.json").write_text(policy)
    subprocess.run(["sh", "-c", script], check=True)
    assert (folder / "hostconfig.json").read_text() == policy, "once for each machine"


def test_docker_keeps_everything_on_the_volume():
    engine = json.loads(files()["/etc/docker/daemon.json"][0])
    assert engine["data-root"].startswith(f"{DATA}/")


def test_docker_starts_again_after_a_power_cut_while_it_chose_its_driver():
    assert json.loads(files()["/etc/docker/daemon.json"][0])["storage-driver"] == "overlay2"
