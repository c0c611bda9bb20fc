"""The stock single-user server, started by hand: the floor for the hub."""

import os
import signal
import subprocess
import time
import urllib.request
from pathlib import Path

from bench.hub.environment import BIN
from tests.lanes import free_ports


def bare(count: int, folder: Path) -> float:
    """Seconds until this many servers, started at once, answer."""
    ports = free_ports(count)
    began = time.monotonic()
    servers = [_start(folder / str(port), port) for port in ports]
    try:
        waiting = set(ports)
        while waiting:
            waiting -= {port for port in waiting if _answers(port)}
            time.sleep(0.02)
        return time.monotonic() - began
    finally:
        # What a server has started goes on writing in its folder.
        for server in servers:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()


def _start(home: Path, port: int) -> "subprocess.Popen[bytes]":
    home.mkdir(parents=True)
    environment = {**os.environ, "HOME": str(home), "JUPYTERHUB_SINGLEUSER_APP": ""}
    environment.pop("DJANGO_SETTINGS_MODULE", None)
    options = [
        "--no-browser",
        "--allow-root",
        "--ip=127.0.0.1",
        f"--port={port}",
        "--IdentityProvider.token=",
    ]
    return subprocess.Popen(
        [BIN / "jupyter-lab", *options],
        cwd=home,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/status", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
