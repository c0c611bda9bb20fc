"""Who sends a request, as limits tell them apart before anything is looked up."""

import re
from dataclasses import dataclass
from typing import Any

from butt.limits.networks import network_of


@dataclass(frozen=True, slots=True)
class Client:
    """Whoever sends the same cookie or token from the same network. `credential` is a digest of it, 0 without one."""

    network: str
    credential: int

    @property
    def address(self) -> str:
        """As it is noted where a limit holds."""
        return f"address {self.network}"


def client_of(scope: Any, cookie: str) -> Client:
    """The client of an ASGI request; `cookie` is the name of that which tells sessions."""
    address = (scope.get("client") or ("", 0))[0]
    return Client(network_of(address), _credential(scope["headers"], _pattern(cookie)))


def _credential(headers: list[tuple[bytes, bytes]], pattern: re.Pattern[bytes]) -> int:
    for name, value in headers:
        if name == b"authorization":
            return hash(value)
    for name, value in headers:
        if name == b"cookie" and (found := pattern.search(value)):
            return hash(found[1])
    return 0


def _pattern(cookie: str) -> re.Pattern[bytes]:
    # `re` keeps what it compiled.
    return re.compile(rb"(?:^|;\s*)" + re.escape(cookie.encode()) + rb"=([^;]+)")
