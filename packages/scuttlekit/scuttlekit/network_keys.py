"""Network keys. Programs with different keys cannot even complete the handshake, so each key is a separate network.

Source: https://github.com/ssbc/ssb-caps for the main network, and https://github.com/epsylon/oasis for Oasis.
"""

import base64
from collections.abc import Mapping
from typing import Final

from scuttlekit.handshake import MAIN_NETWORK
from scuttlekit.keys import KEY_BYTES, decode_base64

MAIN: Final = "main"
OASIS: Final = "oasis"

NETWORKS: Final[Mapping[str, bytes]] = {
    MAIN: MAIN_NETWORK,
    OASIS: base64.b64decode("H5EC+V5BU9s0lWxCkt4z8a095Sj8a6TgiLKPYi1JD7s="),
}
"""The named networks."""


def network_key(network: str) -> bytes:
    """Return the key of a network, given by name or as its key in base64. Raises InvalidFormat."""
    if (key := NETWORKS.get(network)) is not None:
        return key
    return decode_base64(network, KEY_BYTES, "a network's key")


def network_name(key: bytes) -> str:
    """Return the name of a network, or its key in base64 if it has none."""
    named = (name for name, known in NETWORKS.items() if known == key)
    return next(named, base64.b64encode(key).decode())
