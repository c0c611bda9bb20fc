"""A machine's network: a pair of devices, one in its namespace with its address, the other on a bridge."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

PATIENCE = 10.0


def join(pid: int, bridge: str, addresses: list[str], prefix: int) -> None:
    """Link the network namespace of `pid` to `bridge`, once it has one of its own. The pair goes with the namespace."""
    deadline = time.monotonic() + PATIENCE
    while _network(pid) == _own():
        if time.monotonic() > deadline:
            raise TimeoutError("the machine has no network of its own")
        time.sleep(0.01)
    link = f"vm{pid}"
    _ip("link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", str(pid))
    # This side needs no address, which programs here would take for a new network; without IPv6 it gets none.
    subprocess.run(["ip", "link", "set", link, "addrgenmode", "none"], check=False, stderr=subprocess.DEVNULL)
    _ip("link", "set", link, "master", bridge, "up")
    inside = ["nsenter", f"--net=/proc/{pid}/ns/net", "ip"]
    for address in addresses:
        if ":" not in address:
            subprocess.run([*inside, "addr", "add", f"{address}/{prefix}", "dev", "eth0"], check=True)
    for device in ("lo", "eth0"):
        subprocess.run([*inside, "link", "set", device, "up"], check=True)


def cut(pid: int) -> None:
    """Pull the cable, if there is one: nothing that the machine still sends gets out."""
    subprocess.run(["ip", "link", "del", f"vm{pid}"], check=False, stderr=subprocess.DEVNULL)


def _network(pid: int) -> str:
    return str(Path(f"/proc/{pid}/ns/net").readlink())


def _own() -> str:
    return str(Path("/proc/self/ns/net").readlink())


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)
