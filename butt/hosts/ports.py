"""Ports of this machine: whether one can be listened on, and which one a bot gets."""

import errno
import socket

from butt.configuration import configuration
from butt.hosts.interface import HostTrouble, NoRoom


def free_port(taken: frozenset[int]) -> int:
    """The first that is not in `taken` and that nobody listens on. Raises `NoRoom`, or `HostTrouble` if none can be opened."""
    for port in configuration().bot_ports:
        if port not in taken and _is_free(configuration().bot_bind, port):
            return port
    raise NoRoom("every port for bots is in use")


def refusal_to_listen(host: str, port: int) -> OSError | None:
    """Why nobody can listen on this port now; None if one can."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            return error
    return None


def _is_free(bind: str, port: int) -> bool:
    error = refusal_to_listen(bind, port)
    if error and error.errno not in (errno.EADDRINUSE, errno.EACCES):
        raise HostTrouble(f"no bot can listen on {bind}: {error.strerror}") from error
    return error is None


def port_trouble(host: str, port: int) -> str:
    """Why nobody can listen on this port now, or an empty string."""
    error = refusal_to_listen(host, port)
    return not_available(host, port, error) if error else ""


def not_available(host: str, port: int, error: OSError) -> str:
    """The error in words."""
    return f"Port {port} of {host} is not available: {(error.strerror or str(error)).lower()}."
