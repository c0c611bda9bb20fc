"""Calling a person's webhook: signed, bounded in time and size, and only at an address on the public internet.

People choose the name, so it may lead anywhere, and to another address a moment later. The name is looked up once, every
address that it leads to is checked, and exactly the checked address is called. Redirects are not followed.
"""

import hashlib
import hmac
import http.client
import json
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from threading import Event, Timer
from typing import Any
from urllib.parse import urlsplit

from butt.outbox.models import OutboxMessage
from butt.outbox.words import TEMPLATES, link_of
from butt.public_addresses import addresses_of, is_public

SECONDS = 5.0
"""For the whole call, from looking up the name to the status of the answer."""

_LOOK_UPS = ThreadPoolExecutor(8, "webhook-names")
"""The system's resolver takes no deadline. A look-up that takes too long goes on here, and nobody waits for it."""


class NotTaken(Exception):
    """The receiver did not confirm that it has the message. The text says why."""


def body_of(message: OutboxMessage) -> bytes:
    """`{"id", "event", "bot", "at", "reason", "link"}` as JSON. A message that is sent again has the same `id`."""
    said = {**message.values, "link": link_of(message.values)}
    return json.dumps({"id": message.pk, "event": TEMPLATES[message.event].webhook, **said}).encode()


def signature(secret: str, at: int, body: bytes) -> str:
    """`t=SECONDS,v1=HEX`: HMAC-SHA256 over the time, a full stop, and the body."""
    mac = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256)
    return f"t={at},v1={mac.hexdigest()}"


def call(
    url: str,
    secret: str,
    body: bytes,
    *,
    may: Callable[[str], bool] = is_public,
    trust: ssl.SSLContext | None = None,
) -> None:
    """Send `body`. Raises `NotTaken`.

    `may` says which IP addresses may be called. `trust` has the certificates that count, by default those of the system.
    """
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or 443
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    end = time.monotonic() + SECONDS
    address = _address(host, port, may)
    try:
        plain = socket.create_connection((address, port), timeout=max(0.1, end - time.monotonic()))
    except OSError as error:
        raise NotTaken(f"{host} cannot be reached: {error.strerror or type(error).__name__}") from error
    connection = http.client.HTTPSConnection(host, port)
    try:
        context = trust or ssl.create_default_context()
        connection.sock = context.wrap_socket(plain, server_hostname=host, do_handshake_on_connect=False)
        with _until(end, connection.sock):
            connection.sock.do_handshake()
            connection.request("POST", path, body, _headers(secret, body))
            status = connection.getresponse().status
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise NotTaken(f"{host} sent no proper answer: {error or type(error).__name__}") from error
    finally:
        connection.close()
    if status // 100 != 2:  # noqa: PLR2004
        raise NotTaken(f"{host} answered {status}")


def _address(host: str, port: int, may: Callable[[str], bool]) -> str:
    """Where the name leads to. Raises `NotTaken` unless all its addresses may be called."""
    found = _LOOK_UPS.submit(addresses_of, host, port)
    try:
        addresses = found.result(SECONDS)
    except TimeoutError as error:
        found.cancel()
        raise NotTaken(f"the address of {host} could not be found in time") from error
    except (OSError, UnicodeError) as error:
        raise NotTaken(f"{host} has no address") from error
    # A name that leads to public and private addresses is an attempt to get in.
    if not addresses or not all(may(address) for address in addresses):
        raise NotTaken(f"{host} is not on the public internet")
    return addresses[0]


@contextmanager
def _until(end: float, connected: socket.socket) -> Iterator[None]:
    """Cut the connection at `end`. A socket's timeout bounds each read only, so an answer byte by byte would never end."""
    is_over = Event()

    def cut() -> None:
        is_over.set()
        with suppress(OSError):
            socket.socket.shutdown(connected, socket.SHUT_RDWR)

    timer = Timer(max(0.0, end - time.monotonic()), cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
    if is_over.is_set():
        raise TimeoutError("it took too long")


def _headers(secret: str, body: bytes) -> dict[str, Any]:
    return {
        "Content-Type": "application/json",
        "User-Agent": "butt",
        "Butt-Signature": signature(secret, int(time.time()), body),
    }
