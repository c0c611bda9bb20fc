"""Who sends a request, as limits tell clients apart before anything is looked up."""

import re
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from butt.limits.networks import network_of


@dataclass(frozen=True, slots=True)
class Client:
    """Whoever sends the same cookie or token from the same network. `credential` is a digest of it, 0 if there
    is none.

    `is_known` if somebody with an account was seen there before: a crowd of strangers does not keep them
    waiting.
    """

    network: str
    credential: int
    is_known: bool = False

    @property
    def address(self) -> str:
        """How it is noted when a limit applies."""
        return f"address {self.network}"


class KnownClients:
    """The clients that people with an account used lately. Must be used on one event loop."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._clients: OrderedDict[tuple[str, int], None] = OrderedDict()

    def __contains__(self, client: Client) -> bool:
        return (client.network, client.credential) in self._clients

    def add(self, client: Client) -> None:
        """A client without a cookie or token is never known: anybody in its network looks the same."""
        if client.credential:
            self._clients[client.network, client.credential] = None
            self._clients.move_to_end((client.network, client.credential))
            if len(self._clients) > self._most:
                self._clients.popitem(last=False)


def client_of(scope: Any, cookie: str) -> Client:
    """The client of an ASGI request; `cookie` is the name of the session cookie."""
    address = (scope.get("client") or ("", 0))[0]
    return Client(network_of(address), _credential(scope, cookie))


def cookie_of(scope: Any, name: str) -> str:
    """The value of a cookie of an ASGI request; empty if it is not sent."""
    pattern = _pattern(name)
    for head, value in scope["headers"]:
        if head == b"cookie" and (found := pattern.search(value)):
            return str(found[1], "latin-1")
    return ""


def _credential(scope: Any, cookie: str) -> int:
    for name, value in scope["headers"]:
        if name == b"authorization":
            return hash(value)
    kept = cookie_of(scope, cookie)
    return hash(kept) if kept else 0


def _pattern(cookie: str) -> re.Pattern[bytes]:
    # `re` caches compiled patterns.
    return re.compile(rb"(?:^|;\s*)" + re.escape(cookie.encode()) + rb"=([^;]+)")
