"""The network that an address stands for."""

import ipaddress
from functools import lru_cache

LONGEST = 45
"""The most characters of an address. Anything longer is not an address, whoever sent it."""


def network_of(address: str) -> str:
    """The network that limits count as one: whoever has one IPv6 address has 2**64 of them."""
    return _network_of(address[:LONGEST])


@lru_cache(4096)
def _network_of(address: str) -> str:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped:
        parsed = parsed.ipv4_mapped
    return str(ipaddress.ip_network((parsed, 64 if parsed.version == 6 else 32), strict=False))  # noqa: PLR2004
