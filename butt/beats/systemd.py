"""Telling systemd that a part serves now, where its unit has `Type=notify`. The protocol is that of sd_notify(3)."""

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
