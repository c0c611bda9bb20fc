"""Each part tells systemd when it is ready, because its unit waits for that."""

import os
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from tests.lanes import free_ports
from tests.tables import with_tables

HANDS_OVER = """
import os, sys
os.dup2(int(sys.argv[1]), 3, inheritable=True)
os.environ["LISTEN_PID"] = str(os.getpid())
os.execv(sys.executable, [sys.executable, "-m", "butt", "private"])
"""
UNIT = Path(__file__).parents[2] / "deploy" / "systemd" / "butt@.service"


@pytest.mark.parametrize("abstract", [False, True], ids=["a path", "an abstract address"])
def test_a_part_says_that_it_is_ready(tmp_path: Path, abstract: bool):
    assert "\nType=notify\n" in UNIT.read_text()
    # A socket's path must be short, and a test's folder is not.
    place = f"@butt-test-{os.getpid()}" if abstract else f"/run/butt-test-{os.getpid()}"
    with_tables(tmp_path)
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


def test_connections_wait_while_a_part_reloads(tmp_path: Path):
    """systemd keeps listening; the part ends in an orderly way and is started again."""
    assert "\nExecReload=/bin/sh -c 'kill -HUP $MAINPID'\n" in UNIT.read_text()
    with_tables(tmp_path)
    with socket.create_server(("127.0.0.1", 0), backlog=100) as listening:
        port = listening.getsockname()[1]
        ours = {name: value for name, value in os.environ.items() if not name.startswith("BUTT_")}
        environment = {**ours, "BUTT_HOME": str(tmp_path), "BUTT_BILLING": "free", "LISTEN_FDS": "1"}
        environment["BUTT_PRIVATE_PORT"] = str(port)

        def starts() -> "subprocess.Popen[bytes]":
            """As systemd does: the socket is the program's file descriptor 3, and an environment variable
            says so.
            """
            command = [sys.executable, "-c", HANDS_OVER, str(listening.fileno())]
            return subprocess.Popen(command, env=environment, pass_fds=[listening.fileno()])

        part = starts()
        try:
            assert answers(port)
            part.send_signal(signal.SIGHUP)
            assert part.wait(60) == 0
            with socket.create_connection(("127.0.0.1", port), 10) as waiting:
                waiting.settimeout(120)
                waiting.sendall(b"GET /up HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                part = starts()
                assert waiting.recv(100).startswith(b"HTTP/1.1 200")
            environment["BUTT_PRIVATE_PORT"] = str(port + 1)
            part.kill()
            part.wait(30)
            part = starts()
            assert part.wait(60) == 3, "what systemd listens on is not what the settings say"
        finally:
            part.kill()
            part.wait(30)


def answers(port: int) -> bool:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/up", timeout=60) as answer:
        return bool(answer.status == 200)
