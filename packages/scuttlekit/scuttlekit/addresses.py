"""Where a peer is and which key it must prove: multiserver addresses and the older `host:port:@key.ed25519`.

A multiserver text holds alternatives separated by `;`. Each is a chain of protocols separated by `~`, and
each protocol is a name and data separated by `:`. In data, `!` escapes these four characters.

Source: https://github.com/ssbc/multiserver-address
"""

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from typing import NamedTuple, Self

from scuttlekit.errors import InvalidFormat
from scuttlekit.keys import decode_base64, decode_feed_id, encode_feed_id

LONGEST = 4096
"""Characters. No genuine address is longer."""

_TRANSPORTS = {"net": None, "onion": None, "ws": 80, "wss": 443}
_SPECIAL = "!:;~"
_NAME = re.compile(r"[a-z][a-z0-9-]+")
_HOST = re.compile(r"[A-Za-z0-9._-]+")
_PATH = re.compile(r"(/[!-~]*)?")
_MAX_PORT = 65535
_LONGEST_HOST = 253
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_TOP_LABEL = re.compile(r"(xn--)?(?![0-9]+$)[a-z0-9]+")


class Protocol(NamedTuple):
    """One protocol of a multiserver address, such as `net` with host and port."""

    name: str
    data: tuple[str, ...] = ()


Chain = tuple[Protocol, ...]


def parse_multiserver(text: str) -> tuple[Chain, ...]:
    """Parse a multiserver text into its alternatives, whatever their protocols. Raises InvalidFormat."""
    if len(text) > LONGEST:
        raise InvalidFormat(f"an address can have at most {LONGEST} characters")
    return tuple(
        tuple(_parse_protocol(protocol) for protocol in _split(alternative, "~"))
        for alternative in _split(text, ";")
    )


def format_multiserver(chains: tuple[Chain, ...]) -> str:
    """Format alternatives as a multiserver text."""
    return ";".join("~".join(":".join((p.name, *map(_escape, p.data))) for p in chain) for chain in chains)


def _parse_protocol(text: str) -> Protocol:
    name, *data = _split(text, ":")
    if not _NAME.fullmatch(name):
        raise InvalidFormat("an address must begin with the name of a protocol, such as 'net:'")
    return Protocol(name, tuple(map(_unescape, data)))


def _split(text: str, separator: str) -> Iterator[str]:
    """Split at separators that are not escaped by `!`, and leave the escapes as they are."""
    start = at = 0
    while at < len(text):
        if text[at] == "!":
            at += 1
        elif text[at] == separator:
            yield text[start:at]
            start = at + 1
        at += 1
    yield text[start:]


def _escape(data: str) -> str:
    return "".join("!" + sign if sign in _SPECIAL else sign for sign in data)


def _unescape(data: str) -> str:
    if any(sign.isspace() or not sign.isprintable() for sign in data):
        raise InvalidFormat("an address cannot contain spaces")
    if re.search(r"!(?![!:;~])", re.sub(r"![!:;~]", "", data)):
        raise InvalidFormat("in an address, '!' can only escape one of '!:;~'")
    return re.sub(r"!([!:;~])", r"\1", data)


@dataclass(frozen=True, slots=True)
class Address:
    """A host (name, IPv4 or IPv6), a port, the feed id that must answer there, and the transport.

    Transports are net, onion, ws and wss; `path` is the URL path of the last two. Raises InvalidFormat if a
    part is invalid.
    """

    host: str
    port: int
    key: str
    transport: str = "net"
    path: str = ""

    def __post_init__(self) -> None:
        decode_feed_id(self.key)
        if not _HOST.fullmatch(self.host) and not _is_ipv6(self.host):
            raise InvalidFormat("an address needs a host name without spaces or special characters")
        if not 0 < self.port <= _MAX_PORT:
            raise InvalidFormat(f"a port must be between 1 and {_MAX_PORT}, not {self.port}")
        if self.transport not in _TRANSPORTS:
            raise InvalidFormat(f"a transport must be one of {', '.join(_TRANSPORTS)}")
        if not _PATH.fullmatch(self.path) or (self.path and _TRANSPORTS[self.transport] is None):
            raise InvalidFormat("only a ws or wss address can have a path, and it must start with '/'")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse a multiserver text or a legacy address. Of several alternatives, pick the first we can dial,
        or the first.

        Raises InvalidFormat.
        """
        alternatives = cls.parse_all(text)
        return next((address for address in alternatives if address.transport == "net"), alternatives[0])

    @classmethod
    def parse_all(cls, text: str) -> tuple[Self, ...]:
        """Parse every alternative that we understand, in order. Raises InvalidFormat if there is none."""
        text = text.strip()
        if "~" not in text:
            return (cls._parse_legacy(text),)
        found = tuple(
            cls._from_chain(chain)
            for chain in parse_multiserver(text)
            if len(chain) > 1 and chain[0].name in _TRANSPORTS and chain[1].name == "shs"
        )
        if not found:
            raise InvalidFormat("the address has no net, onion, ws or wss part with a key")
        return found

    @property
    def multiserver(self) -> str:
        """The address as a multiserver text, `net:HOST:PORT~shs:KEY`, as ssb-server writes it."""
        return f"{self._place}~shs:{base64.b64encode(decode_feed_id(self.key)).decode()}"

    @property
    def legacy(self) -> str:
        """The address as `host:port:@key.ed25519`. Raises InvalidFormat for ws and wss, which have no such form."""
        if _TRANSPORTS[self.transport] is not None:
            raise InvalidFormat(f"a {self.transport} address has no legacy form")
        return f"{self.host}:{self.port}:{self.key}"

    @property
    def _place(self) -> str:
        if _TRANSPORTS[self.transport] is None:
            # The colons of an IPv6 host are not escaped, as in all such addresses in use; the port comes last.
            return f"{self.transport}:{self.host}:{self.port}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.transport}://{host}:{self.port}{_escape(self.path)}"

    @classmethod
    def _parse_legacy(cls, text: str) -> Self:
        place, _, key = text.rpartition(":")
        host, _, port = place.rpartition(":")
        return cls(
            without_brackets(host), _parse_port(port), key, "onion" if host.endswith(".onion") else "net"
        )

    @classmethod
    def _from_chain(cls, chain: Chain) -> Self:
        (transport, data), shs = chain[0], chain[1]
        key = encode_feed_id(decode_base64(shs.data[0] if shs.data else "", 32, "the address's key"))
        default = _TRANSPORTS[transport]
        if default is None:
            host, _, port = ":".join(data).rpartition(":")
            return cls(without_brackets(host), _parse_port(port), key, transport)
        url = re.fullmatch(r"//(\[[^]/]*\]|[^:/]*)(?::([^/]*))?(/.*)?", ":".join(data))
        if url is None:
            raise InvalidFormat(f"a {transport} address must have the form {transport}://host:port")
        host, port, path = url.groups(default="")
        return cls(host.strip("[]"), _parse_port(port) if port else default, key, transport, path)


def apps_take(host: str) -> bool:
    """Whether apps accept a host in an address or invite: an IP address, or a domain name of several labels.

    Most apps parse addresses with ssb-ref and skip what it does not accept, such as a bare machine name. An
    IPv6 address has no brackets and no zone.

    Source: https://github.com/ssbc/ssb-ref, which uses https://github.com/miguelmota/is-valid-domain
    """
    try:
        return "%" not in host and bool(ip_address(host))
    except ValueError:
        *labels, top = host.lower().removesuffix(".").split(".")
    if len(host) > _LONGEST_HOST or not labels or not _TOP_LABEL.fullmatch(top):
        return host == "localhost"
    return all(_LABEL.fullmatch(label) and "--" not in label.removeprefix("xn--") for label in labels)


def without_brackets(host: str) -> str:
    """The host as in addresses and invites, where an IPv6 address has no brackets, unlike in a URL."""
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    return bare if _is_ipv6(bare) else host


def _is_ipv6(host: str) -> bool:
    try:
        return bool(IPv6Address(host))
    except ValueError:
        return False


def _parse_port(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,5}", text):
        raise InvalidFormat("an address needs a port number")
    return int(text)
