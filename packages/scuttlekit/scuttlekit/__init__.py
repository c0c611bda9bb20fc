"""Secure Scuttlebutt for asyncio: identities, handshake, muxrpc, addresses, invites, messages and private boxes.

A pub that answers one call, and a client that makes it:

>>> import asyncio
>>> from scuttlekit import KeyPair, connect, serve
>>> async def whoami(peer):
...     return {"id": peer.id}
>>> async def main():
...     pub, client = KeyPair.generate(), KeyPair.generate()
...     async with serve("127.0.0.1", 0, pub, {"whoami": whoami}) as server:
...         async with connect(server.address, client) as peer:
...             answer = await peer.call("whoami")
...     return peer.id == pub.id and answer["id"] == client.id
>>> asyncio.run(main())
True

Every error that a peer causes is a `ScuttlebuttError`.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scuttlekit.addresses import Address
    from scuttlekit.errors import (
        CallTimeout,
        ConnectionLost,
        ConsumerTooSlow,
        Goodbye,
        HandshakeFailed,
        InvalidFormat,
        InvalidMessage,
        ProtocolError,
        RemoteError,
        ScuttlebuttError,
        Unreachable,
    )
    from scuttlekit.invites import InviteCode
    from scuttlekit.keys import KeyPair
    from scuttlekit.network import Server, connect, dial, serve
    from scuttlekit.network_keys import network_key, network_name
    from scuttlekit.peer import Peer
    from scuttlekit.serving import StreamHandler
    from scuttlekit.streams import Stream
    from scuttlekit.uris import (
        Uri,
        address_to_uri,
        experimental_uri,
        parse_uri,
        sigil_to_uri,
        uri_to_address,
        uri_to_sigil,
    )

__all__ = [
    "Address",
    "CallTimeout",
    "ConnectionLost",
    "ConsumerTooSlow",
    "Goodbye",
    "HandshakeFailed",
    "InvalidFormat",
    "InvalidMessage",
    "InviteCode",
    "KeyPair",
    "Peer",
    "ProtocolError",
    "RemoteError",
    "ScuttlebuttError",
    "Server",
    "Stream",
    "StreamHandler",
    "Unreachable",
    "Uri",
    "address_to_uri",
    "connect",
    "dial",
    "experimental_uri",
    "network_key",
    "network_name",
    "parse_uri",
    "serve",
    "sigil_to_uri",
    "uri_to_address",
    "uri_to_sigil",
]

# Loaded on demand, so that using one part does not load asyncio and everything with it.
_HOMES = {
    "Address": "addresses",
    "CallTimeout": "errors",
    "ConnectionLost": "errors",
    "ConsumerTooSlow": "errors",
    "Goodbye": "errors",
    "HandshakeFailed": "errors",
    "InvalidFormat": "errors",
    "InvalidMessage": "errors",
    "ProtocolError": "errors",
    "RemoteError": "errors",
    "ScuttlebuttError": "errors",
    "Unreachable": "errors",
    "InviteCode": "invites",
    "KeyPair": "keys",
    "Server": "network",
    "connect": "network",
    "dial": "network",
    "serve": "network",
    "network_key": "network_keys",
    "network_name": "network_keys",
    "Peer": "peer",
    "StreamHandler": "serving",
    "Stream": "streams",
    "Uri": "uris",
    "address_to_uri": "uris",
    "experimental_uri": "uris",
    "parse_uri": "uris",
    "sigil_to_uri": "uris",
    "uri_to_address": "uris",
    "uri_to_sigil": "uris",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    return found
