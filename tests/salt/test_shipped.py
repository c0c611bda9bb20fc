"""The shipped files run as they are: as a user without rights, on a read-only root, in a new home folder."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.salt.land import run
from tests.salt.machine import ROOT, SALT, Daemon
from tests.service import wait_for

NUMBER, HOME = 10002, "/srv"
CLOSE = """
set -e
mount --make-rprivate /
mount --bind "$1" /srv
mount --bind "$2" /etc/passwd
# Python and the checkout may lie in a folder that others cannot look into, or that is hidden here: only the way to them is open.
mount -t tmpfs tmpfs /mnt
mkdir /mnt/python /mnt/checkout
mount --bind "$3" /mnt/python
mount --bind "$4" /mnt/checkout
for hidden in $5; do mount -t tmpfs -o mode=755 tmpfs "$hidden"; done
chmod 1777 /tmp
mkdir -p "$3" "$4"
mount --move /mnt/python "$3"
mount --move /mnt/checkout "$4"
umount /mnt
mount -t tmpfs tmpfs /run
ip link set lo up
for path in "$3" "$4" /; do mount -o remount,ro,bind "$path"; done
exec sleep infinity
"""


class Closed:
    """A machine whose root is read-only, and the user `butt` on it, who can write only the home folder."""

    def __init__(self, folder: Path) -> None:
        home, users = folder / "home", folder / "passwd"
        home.mkdir(mode=0o700)
        os.chown(home, NUMBER, NUMBER)
        users.write_text(f"{Path('/etc/passwd').read_text()}butt:x:{NUMBER}:{NUMBER}::{HOME}:/bin/sh\n")
        self._log = folder / "log"
        self._log.mkdir()
        python = Path(sys.base_prefix).resolve()
        closed = [
            next((str(each) for each in reversed(path.parents) if not each.stat().st_mode & 0o001), "")
            for path in (python, ROOT)
        ]
        hidden = " ".join(sorted({"/tmp", *filter(None, closed)}))
        command = ["unshare", "--mount", "--net", "sh", "-c", CLOSE, "sh"]
        command += [str(home), str(users), str(python), str(ROOT), hidden]
        self._holder = Daemon(command, self._log / "holder")
        self._parts: list[Daemon] = []
        wait_for(lambda: self._is_closed(folder))

    def _is_closed(self, folder: Path) -> bool:
        assert self._holder.process.poll() is None, (self._log / "holder").read_text()
        done = subprocess.run(
            [*self._inside(), "touch", "/closed"], capture_output=True, timeout=20, check=False
        )
        return b"Read-only" in done.stderr

    def _inside(self) -> list[str]:
        return ["nsenter", "--target", str(self._holder.process.pid), "--mount", "--net"]

    def _command(self, *arguments: str) -> list[str]:
        user = ["--reuid", str(NUMBER), "--regid", str(NUMBER), "--clear-groups", "--no-new-privs"]
        without = ["setpriv", *user, "--bounding-set=-all", "--inh-caps=-all"]
        settings = [f"BUTT_HOME={HOME}", f"BUTT_SALT_PROGRAMS={SALT}", "BUTT_HOST=salt", "BUTT_SALT=master"]
        environment = ["env", "-i", f"PATH={os.environ['PATH']}", f"HOME={HOME}", *settings]
        return [*self._inside(), *without, *environment, "BUTT_URL=https://example.org", *arguments]

    def butt(self, *arguments: str) -> str:
        return run(*self._command(sys.executable, "-m", "butt", *arguments), timeout=120)

    def starts(self, part: str) -> None:
        self._parts.append(Daemon(self._command(sys.executable, "-m", "butt", part), self._log / part))

    def salt_run(self, *arguments: str) -> object:
        program = [str(SALT / "salt-run"), "--config-dir", f"{HOME}/salt/config", "--out=json"]
        done = subprocess.run(
            self._command(*program, *arguments), capture_output=True, text=True, timeout=60, check=False
        )
        try:
            return json.loads(done.stdout)
        except ValueError:
            return None

    def shell(self, script: str) -> str:
        return run(*self._command("sh", "-c", script), timeout=120)

    def waits_for_up(self) -> None:
        asked = "curl -sS http://127.0.0.1:8001/up 2>/dev/null; true"
        wait_for(lambda: self.shell(asked) == "up\n")

    def log(self, part: str) -> str:
        return (self._log / part).read_text()

    def end(self) -> None:
        for daemon in (*self._parts, self._holder):
            daemon.kill()


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Closed]:
    machine = Closed(tmp_path_factory.mktemp("closed"))
    try:
        machine.butt("manage", "migrate", "-v0")
        machine.starts("salt-master")
        machine.starts("private")
        yield machine
    finally:
        machine.end()


def test_the_master_gives_a_machine_its_pillar_before_anybody_sent_a_token(closed: Closed):
    minion_id = Path(closed.butt("machine", "add").split()[-1]).name
    told = wait_for(lambda: closed.salt_run("pillar.show_pillar", minion_id), 90)
    assert isinstance(told, dict), closed.log("salt-master")
    assert told["butt"]["complete"] is True
    assert told["butt"]["agent"] == minion_id


def test_the_private_server_speaks_plain_http_whatever_the_public_one_does(closed: Closed):
    """As Prometheus and the master read it: no redirect to HTTPS, which nobody speaks on that port."""
    closed.waits_for_up()
    asked = f"curl -sS -o /dev/null -w %{{http_code}} -H @- http://127.0.0.1:8001/metrics < {HOME}/header"
    said = closed.shell(
        f"printf 'Authorization: Bearer %s' $(cat {HOME}/private-token) > {HOME}/header; {asked}"
    )
    assert said == "200"


def test_doctor_says_which_parts_are_down(closed: Closed):
    closed.waits_for_up()
    said = closed.shell(f"{sys.executable} -m butt doctor; true")
    for part in ("steward", "monitor", "public"):
        assert f"✗ No {part} runs, or it hangs." in said
    assert "✓ The Salt master answers." in said
    assert "✓ The private server runs." in said
    assert "nobody can pay, and no bot can be made" in said
    assert closed.shell(f"{sys.executable} -m butt doctor --part private") == (
        "✓ The private server runs.\nAll is well.\n"
    )


def test_no_test_has_its_own_master():
    """Nothing but `butt salt-master` starts one, so tests run what is shipped."""
    own = re.compile(r"""["'](auto_accept|ret_port|worker_threads)["']|SALT / ["']salt-master["']""")
    files = (
        path for folder in ("tests", "chaos", "attack", "bench") for path in (ROOT / folder).rglob("*.py")
    )
    assert [path for path in files if path != Path(__file__) and own.search(path.read_text())] == []
