"""Talking with systemd: telling it that a part is ready (sd_notify(3)), and taking over sockets that it
listens on.
"""

import os
import socket


def ready() -> None:
    """Tell systemd that this process is ready; does nothing if systemd did not start it."""
    place = os.environ.get("NOTIFY_SOCKET", "")
    if not place:
        return
    # An address that begins with @ is abstract: it is in no folder.
    address = f"\0{place[1:]}" if place.startswith("@") else place
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.connect(address)
        channel.sendall(b"READY=1")


FIRST = 3
"""The first file descriptor that systemd hands over, according to sd_listen_fds(3)."""


def sockets() -> list[socket.socket]:
    """The sockets that systemd holds open for us across restarts; empty if it holds none."""
    if os.environ.pop("LISTEN_PID", "") != str(os.getpid()):
        return []
    count = int(os.environ.pop("LISTEN_FDS", "0"))
    found = [socket.socket(fileno=number) for number in range(FIRST, FIRST + count)]
    for each in found:
        # Programs that we start must not get it.
        each.set_inheritable(False)
    return found
