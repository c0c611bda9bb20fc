"""A network namespace of the run's own, which may be bad without harm to others: slow, lossy, or down."""

import ctypes
import os
import random
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

NEW_NETWORK = 0x40000000
LOOPBACK_UNIT = 1500
"""Bytes: in packets as big as a loopback's usual ones, nothing would ever be slow."""


def apart() -> bool:
    """Move this process into a network that has only a loopback; whether that was possible. Call before any
    thread starts.
    """
    if os.geteuid() or not shutil.which("iptables") or not shutil.which("tc"):
        return False
    if ctypes.CDLL(None).unshare(NEW_NETWORK):
        return False
    _run("ip", "link", "set", "lo", "mtu", str(LOOPBACK_UNIT), "up")
    return True


@contextmanager
def lossy(chance: random.Random) -> Iterator[str]:
    """Lose some of all packets, sometimes all of them."""
    share = chance.choice((0.05, 0.2, 0.5, 1.0))
    rule = [
        "INPUT",
        "-i",
        "lo",
        "-m",
        "statistic",
        "--mode",
        "random",
        "--probability",
        str(share),
        "-j",
        "DROP",
    ]
    _run("iptables", "-w", "-A", *rule)
    try:
        yield f"the network loses {share:.0%}"
    finally:
        _run("iptables", "-w", "-D", *rule)


@contextmanager
def slow(chance: random.Random) -> Iterator[str]:
    rate, late = chance.choice(("128kbit", "1mbit")), chance.choice(("100ms", "1s"))
    _run("tc", "qdisc", "add", "dev", "lo", "root", "tbf", "rate", rate, "burst", "4kb", "latency", late)
    try:
        yield f"the network has {rate}, and keeps packets for up to {late}"
    finally:
        _run("tc", "qdisc", "del", "dev", "lo", "root")


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, timeout=10)
