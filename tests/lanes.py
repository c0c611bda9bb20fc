"""Ports for tests that run side by side: each worker has a range of its own, below the range of outgoing connections."""

import os
import random
import socket
from collections import deque

WIDTH, PUBS = 4_500, 500
NUMBER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
START = 10_000 + WIDTH * NUMBER
PUB_PORTS = f"{START + WIDTH - PUBS}-{START + WIDTH - 1}"
"""The ports that a service in a test's own process gives to bots."""


_lane = deque(range(START, START + WIDTH - PUBS))
_lane.rotate(random.randrange(WIDTH))


def free_ports(count: int) -> list[int]:
    """`count` free ports in a row. None is returned again before all others were, because its user may not listen yet."""
    run: list[int] = []
    while len(run) < count:
        port = _lane[0]
        _lane.rotate(-1)
        if run and port != run[-1] + 1:
            run = []
        run = [*run, port] if _is_free(port) else []
    return run


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
