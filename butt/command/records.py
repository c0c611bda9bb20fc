"""Which DNS records bots need, and whether their names point to their machines."""

import ipaddress
import socket
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from butt.machines.models import Machine

SECONDS = 5.0
AT_ONCE = 8


def record(name: str, address: str) -> str:
    """One line of a zone file."""
    kind = "AAAA" if ":" in address else "A"
    return f"{name}. 300 IN {kind} {address}"


def addresses_of(machine: "Machine") -> list[str]:
    """Where operators reach the machine, as far as that is known; private and loopback addresses are left out."""
    host = machine.host.rpartition("@")[2]
    found = resolved([host]).get(host, frozenset()) if host else frozenset()
    return sorted(address for address in found or () if ipaddress.ip_address(address).is_global)


def resolved(names: Iterable[str]) -> dict[str, frozenset[str] | None]:
    """The addresses of each name; None for one that does not resolve. A name that took longer than `SECONDS` is left out."""
    pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="names")
    asked = {pool.submit(_resolve, name): name for name in names}
    done, _ = wait(asked, timeout=SECONDS)
    pool.shutdown(wait=False, cancel_futures=True)
    return {asked[future]: future.result() for future in done}


def _resolve(name: str) -> frozenset[str] | None:
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return None
    return frozenset(str(where[0]).partition("%")[0] for *_, where in found)
