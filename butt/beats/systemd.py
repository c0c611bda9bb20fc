"""What systemd and a part tell each other: that it serves now, as sd_notify(3) says, and where systemd listens for it."""

import os
import socket


def ready() -> None:
    """Say that this process is up; nothing happens where systemd did not start it."""
    place = os.environ.get("NOTIFY_SOCKET", "")
    if not place:
        return
    # An address that begins with @ is abstract: it lies in no folder.
    address = f"\0{place[1:]}" if place.startswith("@") else place
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.connect(address)
        channel.sendall(b"READY=1")


FIRST = 3
"""The number of the first file that systemd hands over, as sd_listen_fds(3) says."""


def sockets() -> list[socket.socket]:
    """What systemd listens on in our place, from before we started until after we end; empty where it does not."""
    if os.environ.pop("LISTEN_PID", "") != str(os.getpid()):
        return []
    count = int(os.environ.pop("LISTEN_FDS", "0"))
    found = [socket.socket(fileno=number) for number in range(FIRST, FIRST + count)]
    for each in found:
        # It is not for programs that we start.
        each.set_inheritable(False)
    return found
