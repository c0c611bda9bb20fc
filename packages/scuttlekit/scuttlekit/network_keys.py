"""Network keys. Programs with different ones cannot even shake hands, so each key is a Scuttlebutt by itself.

Source: https://github.com/ssbc/ssb-caps for that of the main network, and https://github.com/epsylon/oasis for that of Oasis.
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
"""The networks that have a name."""


def network_key(network: str) -> bytes:
    """Give the key of a network, which is told by its name or as its key in base64. Raises InvalidFormat."""
    if (key := NETWORKS.get(network)) is not None:
        return key
    return decode_base64(network, KEY_BYTES, "a network's key")


def network_name(key: bytes) -> str:
    """Give the name of a network, or its key in base64 where it has none."""
    named = (name for name, known in NETWORKS.items() if known == key)
    return next(named, base64.b64encode(key).decode())
