"""Connections to a server, held open by an attacker."""

import resource
import socket
import ssl
import time
from collections.abc import Iterable
from contextlib import suppress

from tests.doors import Door


def open_many_files() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def line(door: Door, said: bytes = b"", source: str = "127.0.0.1") -> socket.socket:
    """An open connection on which `said` was already sent. Any loopback address can be its `source`."""
    made = door.connects(source)
    if said:
        made.sendall(said)
    return made


def are_closed(lines: Iterable[socket.socket]) -> int:
    """How many of them the server has closed so far, whatever it sent before."""
    return sum(map(_is_closed, lines))


def heard(one: socket.socket, seconds: float = 20) -> bytes:
    """Everything that arrives until the server closes the connection."""
    one.settimeout(seconds)
    text, ends = b"", time.monotonic() + seconds
    with suppress(ConnectionError, TimeoutError):
        while (part := one.recv(1 << 16)) and time.monotonic() < ends:
            text += part
    return text


def _is_closed(one: socket.socket) -> bool:
    one.setblocking(False)
    try:
        while one.recv(1 << 16):
            pass
    except (BlockingIOError, ssl.SSLWantReadError):
        return False
    except ConnectionError:
        return True
    return True
