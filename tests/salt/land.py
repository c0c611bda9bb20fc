"""A small land of network namespaces: machines, and a world around them with addresses that nobody may reach.

    here 198.51.100.1 ─┬─ machine .11
                       ├─ machine .12
                       └─ world .2, and behind it 203.0.113.7 (open), 10.99.0.1 (private), 169.254.169.254 (metadata)

These are addresses for documentation: nothing of it leaves this machine. Each worker of a test run has its
own land, with 64 of these addresses: the second begins at 198.51.100.65.
"""

import fcntl
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Self

import psutil

from tests.lanes import NUMBER

PREFIX = 26
NETWORK = ("198.51.100", "198.18.0")[NUMBER // 4 % 2]
"""One for documentation, as are those that play the rest of the world, and one for benchmarks."""


def at(number: int) -> str:
    """An address of this worker's own; eight have room."""
    return f"{NETWORK}.{NUMBER % 4 * 64 + number}"


HERE, WORLD = at(1), at(2)
POOL = f"{at(32)}/27"
"""Addresses for servers of a provider."""

OPEN, PRIVATE, METADATA = "203.0.113.7", "10.99.0.1", "169.254.169.254"
PORT = 8080
NEEDED = {"dockerd": "docker.io", "iptables": "iptables", "ip": "iproute2"}
"""Programs, and the packages of Debian that have them."""

PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
SALT_IS_THERE = Path(__file__).parents[2] / ".salt" / "done"

_LISTEN = """
import socket, sys
door = socket.socket()
door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
door.bind(("0.0.0.0", 8080))
door.listen()
while True:
    guest, _ = door.accept()
    guest.sendall(b"hello")
    guest.close()
"""


def run(*command: str, check: bool = True, timeout: float = 60, text: str | None = None) -> str:
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=timeout, input=text)
    assert done.returncode == 0 or not check, f"{' '.join(command)}: {done.stderr}{done.stdout}"
    return done.stdout


class Namespace:
    """One network namespace, joined to the land's bridge at `address`."""

    def __init__(self, name: str, bridge: str, address: str, number: int) -> None:
        self.name, self.address = name, address
        run("ip", "netns", "add", name)
        link = f"{bridge}p{number}"
        run("ip", "link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", name)
        keep_quiet(link)
        run("ip", "link", "set", link, "master", bridge, "up")
        self.ip("addr", "add", f"{address}/{PREFIX}", "dev", "eth0")
        for device in ("lo", "eth0"):
            self.ip("link", "set", device, "up")

    def ip(self, *arguments: str) -> None:
        run("ip", "-n", self.name, *arguments)

    def command(self, *command: str) -> list[str]:
        """`command`, inside; not with `ip netns exec`, which hides the cgroups."""
        return ["nsenter", f"--net=/run/netns/{self.name}", *command]

    def run(self, *command: str, check: bool = True) -> str:
        return run(*self.command(*command), check=check)


class Land:
    """`with Land() as land:`; `land.settle()` makes one more machine's namespace."""

    def __init__(self) -> None:
        self.bridge = f"butt{os.getpid()}"
        self.places: list[Namespace] = []

    def __enter__(self) -> Self:
        assert os.geteuid() == 0, (
            "network namespaces and a Docker Engine in them are made by root: sudo make test"
        )
        missing = [package for program, package in NEEDED.items() if not shutil.which(program, path=PATH)]
        assert not missing, f"these tests need more of this machine: apt-get install {' '.join(missing)}"
        assert SALT_IS_THERE.exists(), "these tests need Salt: make salt"
        # Its addresses exist once: another test run on this machine waits.
        self._lock = Path(tempfile.gettempdir(), f"butt-land-{HERE}.lock").open("w")
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        clear_ruins()
        run("ip", "link", "add", self.bridge, "type", "bridge")
        keep_quiet(self.bridge)
        run("ip", "addr", "add", f"{HERE}/{PREFIX}", "dev", self.bridge)
        run("ip", "link", "set", self.bridge, "up")
        self.world = self._place("world", WORLD)
        for address in (OPEN, PRIVATE, METADATA):
            self.world.ip("addr", "add", f"{address}/32", "dev", "lo")
        self._listener = subprocess.Popen(self.world.command(sys.executable, "-c", _LISTEN))
        return self

    def __exit__(self, *_: object) -> None:
        for place in self.places:
            end_namespace(place.name)
        self._listener.wait(10)
        run("ip", "link", "del", self.bridge, check=False)
        self._lock.close()

    def settle(self) -> Namespace:
        number = 10 + len(self.places)
        place = self._place(f"m{number}", at(number))
        # There is no other way out: looking up a name fails at once, instead of waiting for a distant server.
        for address in (OPEN, PRIVATE, METADATA):
            place.ip("route", "add", address, "via", WORLD)
        return place

    def _place(self, name: str, address: str) -> Namespace:
        place = Namespace(f"{self.bridge}-{name}", self.bridge, address, len(self.places))
        self.places.append(place)
        return place


def keep_quiet(link: str) -> None:
    """Let it make no IPv6 address of its own, if there is IPv6: a browser of another test would take that for
    a new network, and break off what it loads.
    """
    run("ip", "link", "set", link, "addrgenmode", "none", check=False)


def clear_ruins() -> None:
    """Lands whose test run was killed: their bridge would take the answers meant for this one."""
    for name in sorted(path.name for path in Path("/run/netns").glob("butt*-*")):
        if _is_ruin(name):
            end_namespace(name)
    for name in sorted(path.name for path in Path("/sys/class/net").glob("butt*")):
        if _is_ruin(name):
            run("ip", "link", "del", name, check=False)


def end_namespace(name: str) -> None:
    """With every process that is left inside."""
    inside = Path(f"/run/netns/{name}").stat().st_ino
    left = [process for process in psutil.process_iter() if _namespace(process.pid) == inside]
    for process in left:
        process.kill()
    psutil.wait_procs(left, timeout=10)
    run("ip", "netns", "del", name, check=False)


def _is_ruin(name: str) -> bool:
    """Whether the test run after which a bridge or a namespace is named is gone."""
    owner = re.match(r"butt(\d+)(-|p\d+$|$)", name)
    return owner is not None and not psutil.pid_exists(int(owner[1]))


def _namespace(pid: int) -> int:
    try:
        return Path(f"/proc/{pid}/ns/net").stat().st_ino
    except OSError:
        return -1
