"""A way out to people's own places that leads to nothing private: neither this machine nor its network.

A proxy on loopback: it looks a name up, and connects to the very address that it checked, so that no name can mean another
address a moment later. It exists for the length of one copy.
"""

import re
import select
import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from butt.public_addresses import addresses_of, is_public

SECONDS = 60.0
"""How long a connection may be silent, and how long connecting may take."""

MOST_HEAD, MOST_PORT, CHUNK = 8192, 65535, 64 << 10
_ASKED = re.compile(rb"CONNECT (\[?[A-Za-z0-9.:_-]{1,255}\]?):([0-9]{1,5}) HTTP/1\.[01]\r\n")


class _Handler(socketserver.BaseRequestHandler):
    server: "_Server"

    def handle(self) -> None:
        self.request.settimeout(SECONDS)
        asked = _ASKED.match(self._head())
        if not asked or int(asked[2]) > MOST_PORT:
            self._refuse(b"405 Only CONNECT")
            return
        remote = self._connected(asked[1].decode().strip("[]"), int(asked[2]))
        if remote is None:
            self._refuse(b"403 Not there")
            return
        with remote:
            self.request.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            _relay(self.request, remote)

    def _head(self) -> bytes:
        head = b""
        while b"\r\n\r\n" not in head and len(head) < MOST_HEAD:
            if not (more := self.request.recv(CHUNK)):
                break
            head += more
        return head

    def _connected(self, host: str, port: int) -> socket.socket | None:
        try:
            addresses = addresses_of(host, port)
            if not addresses or not all(self.server.may(address) for address in addresses):
                return None
            return socket.create_connection((addresses[0], port), timeout=SECONDS)
        except (OSError, ValueError):
            return None

    def _refuse(self, why: bytes) -> None:
        self.request.sendall(b"HTTP/1.1 " + why + b"\r\nContent-Length: 0\r\n\r\n")


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, may: Callable[[str], bool]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.may = may

    def handle_error(self, request: object, client_address: object) -> None:
        """Whoever used the broken connection reports it."""


@contextmanager
def fence(may: Callable[[str], bool] = is_public) -> Iterator[str]:
    """The address of such a proxy, for the length of a block. `may` says which addresses it connects to."""
    with _Server(may) as server:
        threading.Thread(target=server.serve_forever, name="fence", daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()


def _relay(here: socket.socket, remote: socket.socket) -> None:
    pairs = {here: remote, remote: here}
    while True:
        ready, _, _ = select.select(list(pairs), [], [], SECONDS)
        if not ready:
            return
        for one in ready:
            if not (data := one.recv(CHUNK)):
                return
            pairs[one].sendall(data)
