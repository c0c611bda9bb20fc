"""Ports for tests that run side by side: each worker has a lane of its own, below what outgoing connections are given."""

import os
import random
import socket

WIDTH, PUBS = 5_500, 500
NUMBER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
START = 10_000 + WIDTH * NUMBER
PUB_PORTS = f"{START + WIDTH - PUBS}-{START + WIDTH - 1}"
"""What a service that a test makes in its own process gives to bots."""


def free_ports(count: int) -> list[int]:
    """A run of `count` ports in a row that are free."""
    while True:
        first = random.randrange(START, START + WIDTH - PUBS - count)
        ports = list(range(first, first + count))
        if all(map(_is_free, ports)):
            return ports


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
