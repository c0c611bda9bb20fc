"""Public addresses: what a name leads to on the public internet. Names that people choose must lead nowhere else."""

import ipaddress
import socket

from scuttlekit.pub.fence import is_fenced


def is_public(address: str) -> bool:
    """Whether this IP address is on the public internet. An IPv4-mapped IPv6 address counts as IPv4."""
    if is_fenced(address):
        return False
    found = ipaddress.ip_address(address)
    return (getattr(found, "ipv4_mapped", None) or found).is_global


def addresses_of(host: str, port: int) -> list[str]:
    """All IP addresses of a name. Raises `OSError` or `UnicodeError`."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(one[4][0]) for one in found))
