"""What the pub needs from its machine: a port, and open files."""

import errno
import os
import resource
import socket
from contextlib import suppress

from scuttlekit.network import listen
from scuttlekit.pub.exits import Refusal


def take_port(host: str, port: int) -> socket.socket:
    """Bind the port, before anything can be published. Raises Refusal."""
    try:
        return listen(host, port)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise Refusal(
                "port-taken", f"Port {port} of {host} is taken by another program. Free it or choose another."
            ) from None
        if error.errno == errno.EACCES:
            raise Refusal(
                "port-taken",
                f"Port {port} of {host} needs more rights than this program has. Choose another.",
            ) from None
        raise Refusal(
            "host-not-assignable", f"This machine has no address {host} to listen on ({error.strerror})."
        ) from None


def open_as_many_files_as_may_be() -> None:
    """Raise the limit on open files. systemd's default is a thousand, and each connection takes one."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def tell_ready() -> None:
    """Tell whoever started the pub that it is ready, as services of systemd do, if `NOTIFY_SOCKET` names a socket."""
    path = os.environ.get("NOTIFY_SOCKET")
    if not path:
        return
    with suppress(OSError, ValueError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.setblocking(False)
        sender.sendto(b"READY=1", f"\0{path[1:]}" if path.startswith("@") else path)
