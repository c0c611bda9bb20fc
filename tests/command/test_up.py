import os
import resource
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from butt.command.up import ROLES
from tests.service import Service, wait_for


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("BUTT_BILLING", "There is no billing “barter”; there is free, stripe."),
        ("BUTT_HOST", "There is no host “barter”; there is processes, salt."),
        ("BUTT_CLOUD", "There is no cloud “barter”; there is here, scaleway."),
    ],
)
def test_an_unknown_part_is_reported_before_anything_starts(tmp_path: Path, setting: str, said: str):
    done = subprocess.run(
        [sys.executable, "-m", "butt", "up", "--home", str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, setting: "barter"},
        check=False,
    )
    assert (done.returncode, said in done.stderr) == (1, True), done.stderr


def test_a_taken_port_is_reported_before_anything_starts(tmp_path: Path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("BUTT_")}
        done = subprocess.run(
            [sys.executable, "-m", "butt", "up", "--home", str(tmp_path), "--port", str(port)],
            capture_output=True,
            text=True,
            timeout=60,
            env=environment,
            check=False,
        )
    assert done.returncode == 1
    assert f"Port {port} of 127.0.0.1 is not available" in done.stderr
    assert "--port" in done.stderr
    assert not (tmp_path / "butt.sqlite3").exists()


def test_servers_and_monitor_may_open_as_many_files_as_the_machine_allows(tmp_path: Path, built_pub: Path):
    """Each watched bot is a connection, and so is each open page."""
    few, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(1024, most - 1), most))
    try:
        with Service(tmp_path / "home", built_pub, most_bots=1) as site:
            limits = [
                site.part(role).rlimit(psutil.RLIMIT_NOFILE) for role in ("public", "private", "monitor")
            ]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (few, most))
    assert limits == [(most, most)] * 3


def test_the_public_server_has_a_process_of_its_own_and_the_other_parts_share_one(
    tmp_path: Path, built_pub: Path
):
    with Service(tmp_path / "home", built_pub, most_bots=1) as site:
        parts = {role: site.part(role).pid for role in ROLES}
        assert len({parts["private"], parts["steward"], parts["monitor"]}) == 1
        assert parts["public"] != parts["private"]
        wait_for(lambda: _is_ready(site))

        site.part("public").kill()
        site.part("steward").kill()

        wait_for(lambda: site.part("public").pid != parts["public"])
        wait_for(lambda: site.part("steward").pid != parts["steward"])
        wait_for(lambda: _is_ready(site))


def test_bots_are_stopped_even_if_the_steward_cannot(tmp_path: Path, built_pub: Path):
    with Service(tmp_path / "home", built_pub, most_bots=1) as site:
        alice = site.person("alice@example.org")
        alice.waits_for("alive", alice.names_a_bot("my"))
        parent = psutil.Process(site.process.pid)
        steward = site.part("steward")
        steward.suspend()
        site.process.send_signal(signal.SIGINT)
        wait_for(lambda: "Stopping" in (site.home / "up.log").read_text())
        steward.kill()
        assert parent.wait(60) == 0
        assert site.pubs() == []


def _is_ready(site: Service) -> bool:
    try:
        return site.ask("GET", "/ready")[0] == 200
    except OSError:
        return False


class FromAnyFolder(Service):
    """As people start it: by the command that setup installed, in whatever folder they are."""

    def command(self) -> list[str]:
        return [str(Path(sys.executable).with_name("butt")), *super().command()[3:]]


def test_nothing_in_the_current_folder_is_taken_for_code(tmp_path: Path, built_pub: Path):
    folder = tmp_path / "folder"
    folder.mkdir()
    for module in ("butt", "supervisor", "django"):
        (folder / f"{module}.py").write_text("raise SystemExit('code of the current folder ran')")
    site = FromAnyFolder(tmp_path / "home", built_pub)
    site.folder = folder
    with site:
        alice = site.person("alice@example.org")
        alice.waits_for("alive", alice.names_a_bot("my"))
        killed = site.part("steward")
        killed.kill()
        wait_for(lambda: site.part("steward").pid != killed.pid)
        alice.waits_for("alive", alice.names_a_bot("other"))
        assert "code of the current folder ran" not in (site.home / "up.log").read_text()
