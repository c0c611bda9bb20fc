"""The fence: a pub dials addresses that others announce, so it must not be led to its own machine or network."""

import asyncio
import socket
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final

from scuttlekit.errors import Unreachable

# Loopback, private, link-local, multicast and reserved ranges, and ranges that embed an IPv4 address, which a
# gateway may unwrap.
_FENCED: Final = tuple(
    map(
        ip_network,
        (
            *("127.0.0.0/8", "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.0.0.0/24"),
            *("192.168.0.0/16", "198.18.0.0/15", "169.254.0.0/16", "224.0.0.0/4", "240.0.0.0/4"),
            *("::1/128", "::/128", "fc00::/7", "fec0::/10", "fe80::/10", "ff00::/8"),
            *("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32"),
        ),
    )
)


def is_loopback(host: str) -> bool:
    """Whether a host is a loopback IP address. False for host names."""
    address = _ip(host)
    return address is not None and address.is_loopback


def is_fenced(host: str, *, default: bool = True) -> bool:
    """Whether a fenced pub must not dial this IP address. Returns `default` if it is not an IP address.

    An IPv4-mapped IPv6 address counts as IPv4.
    """
    address = _ip(host)
    return default if address is None else any(address in network for network in _FENCED)


async def open_hosts(host: str, *, fenced: bool) -> list[str]:
    """Resolve a host to IP addresses, in the order to try them. Dial these, not the name: they are what was checked.

    Raises Unreachable if there are none or, if `fenced`, none on the open internet.
    """
    found = [host] if _ip(host) is not None else await _look_up(host)
    if not fenced:
        return found
    outside = [address for address in found if not is_fenced(address)]
    if not outside:
        leads = "is not" if _ip(host) is not None else "does not lead to"
        raise Unreachable(f"{host} {leads} an address on the public internet")
    return outside


async def _look_up(host: str) -> list[str]:
    try:
        answers = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Unreachable(f"{host} has no address: {error}") from None
    # Scoped addresses are left out: they only have a meaning on the local machine.
    return list(dict.fromkeys(str(address[0]) for *_, address in answers if "%" not in str(address[0])))


def _ip(host: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address
