"""Each part tells systemd when it serves, as its unit waits for that."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.lanes import free_ports
from tests.service import migrated

UNIT = Path(__file__).parents[2] / "deploy" / "systemd" / "butt@.service"


@pytest.mark.parametrize("abstract", [False, True], ids=["a path", "an abstract address"])
def test_a_part_says_that_it_is_ready(tmp_path: Path, abstract: bool):
    assert "\nType=notify\n" in UNIT.read_text()
    # A socket's path is short, a test's folder is not.
    place = f"@butt-test-{os.getpid()}" if abstract else f"/run/butt-test-{os.getpid()}"
    (tmp_path / "butt.sqlite3").write_bytes(migrated().read_bytes())
    ours = {name: value for name, value in os.environ.items() if not name.startswith("BUTT_")}
    environment = {**ours, "BUTT_HOME": str(tmp_path), "NOTIFY_SOCKET": place, "BUTT_BILLING": "free"}
    (environment["BUTT_PRIVATE_PORT"],) = map(str, free_ports(1))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(f"\0{place[1:]}" if abstract else place)
        systemd.settimeout(60)
        command = [sys.executable, "-m", "butt", "private"]
        part = subprocess.Popen(
            command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            assert systemd.recv(100) == b"READY=1"
            with socket.create_connection(("127.0.0.1", int(environment["BUTT_PRIVATE_PORT"])), 10):
                pass
        finally:
            part.kill()
            part.wait(30)
            if not abstract:
                Path(place).unlink()
