"""A test run that was killed leaves its land behind; the next run must not be answered by it."""

import subprocess
import sys
from pathlib import Path

import psutil

from tests.salt.land import Land, clear_ruins, run


def test_a_killed_runs_land_is_removed_and_the_own_one_stays(land: Land) -> None:
    killed = subprocess.Popen([sys.executable, "-c", ""])
    killed.wait()
    bridge, place = f"butt{killed.pid}", f"butt{killed.pid}-world"
    run("ip", "link", "add", bridge, "type", "bridge")
    run("ip", "netns", "add", place)
    run("ip", "link", "add", f"{bridge}p0", "type", "veth", "peer", "name", "eth0", "netns", place)
    inside = subprocess.Popen(
        ["nsenter", f"--net=/run/netns/{place}", "sh", "-c", "echo inside; read end"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with inside:
        assert inside.stdout is not None
        assert inside.stdout.readline() == b"inside\n"

        clear_ruins()

        assert not psutil.pid_exists(inside.pid)
    assert not Path("/run/netns", place).exists()
    assert not Path("/sys/class/net", bridge).exists()
    assert not Path("/sys/class/net", f"{bridge}p0").exists()
    assert Path("/run/netns", land.world.name).exists()
    assert Path("/sys/class/net", land.bridge).exists()
