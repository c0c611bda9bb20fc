"""Invites: an address and a seed. The holder may ask the pub, once or a few times, to follow a feed.

The older form is `host:port:@key.ed25519~SEED`; the newer is a multiserver address with the seed at its end,
`net:host:port~shs:KEY:SEED`. A pub knows an invite by its own id, the feed id of the seed's key pair.

Source: https://github.com/ssbc/ssb-invite and https://github.com/ssbc/multiserver/blob/main/plugins/shs.js
"""

# ruff: noqa: ASYNC109 - our own timeout raises our own error, which says what did not answer

import base64
import re
from dataclasses import dataclass, field
from typing import Any, Self

from scuttlekit import handshake
from scuttlekit.addresses import Address, parse_multiserver
from scuttlekit.errors import InvalidFormat
from scuttlekit.keys import KEY_BYTES, KeyPair, decode_base64, decode_feed_id
from scuttlekit.network import connect

_LEGACY = re.compile(r"[^~;]+~[^~;:]+")


@dataclass(frozen=True, slots=True)
class InviteCode:
    """An invite to the pub at `address`. `seed` is its 32-byte secret, which its `repr` does not show."""

    address: Address
    seed: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.seed) != KEY_BYTES:
            raise InvalidFormat(f"an invite's seed must have {KEY_BYTES} bytes, not {len(self.seed)}")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse an invite of either form, with or without quotes around it or a `#…` web page after it.

        Raises InvalidFormat, which never quotes the invite.
        """
        text = text.strip().strip('"').partition("#")[0]
        if _LEGACY.fullmatch(text) and ":@" in text:
            place, _, seed = text.partition("~")
            return cls(Address.parse(place), _decode_seed(seed))
        chain, *others = parse_multiserver(text)
        if others or len(chain) != 2 or chain[1].name != "shs" or len(chain[1].data) != 2:  # noqa: PLR2004 - place and key; key and seed
            raise InvalidFormat(
                "an invite must have the form host:port:@key.ed25519~seed or net:host:port~shs:key:seed"
            )
        seed = chain[1].data[1]
        return cls(Address.parse(text.removesuffix(f":{seed}")), _decode_seed(seed))

    @property
    def keys(self) -> KeyPair:
        """The key pair with which the holder connects to the pub."""
        return KeyPair(self.seed)

    @property
    def id(self) -> str:
        """The invite's own feed id, by which the pub knows it. It does not reveal the seed."""
        return self.keys.id

    @property
    def code(self) -> str:
        """The invite as people share it: in the older form, which every client reads, if it has one."""
        if self.address.transport in {"ws", "wss"}:
            return self.multiserver
        return f"{self.address.legacy}~{self._seed}"

    @property
    def multiserver(self) -> str:
        """The invite in the newer form."""
        return f"{self.address.multiserver}:{self._seed}"

    @property
    def _seed(self) -> str:
        return base64.b64encode(self.seed).decode()

    async def use(
        self, feed_id: str, *, timeout: float = 10.0, network: bytes = handshake.MAIN_NETWORK
    ) -> Any:
        """Ask the pub to follow a feed, and return the follow message.

        `timeout` is in seconds, for the connection and again for the call. Raises InvalidFormat for an
        invalid feed id, Unreachable, HandshakeFailed, and RemoteError if the invite is used up or the feed is
        already followed.
        """
        decode_feed_id(feed_id)
        async with connect(self.address, self.keys, timeout=timeout, network=network) as pub:
            return await pub.call("invite.use", {"feed": feed_id}, timeout=timeout)


def _decode_seed(text: str) -> bytes:
    return decode_base64(text, KEY_BYTES, "the invite's seed")
