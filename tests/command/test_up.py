import os
import resource
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.service import Service


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
