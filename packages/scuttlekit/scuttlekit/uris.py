"""SSB URIs: feeds, messages, blobs, addresses and actions as links that a browser can open.

Source: SSB URI specification 1.3, https://github.com/ssbc/ssb-uri-spec
"""

import base64
import binascii
import re
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, quote, unquote, urlencode

from scuttlekit.addresses import Address
from scuttlekit.errors import InvalidFormat
from scuttlekit.keys import KEY_BYTES, decode_base64

LONGEST = 8192
"""Characters. Browsers and mail programs truncate much longer links anyway."""

_SIGILS = {"@": ("feed", "ed25519"), "%": ("message", "sha256"), "&": ("blob", "sha256")}
_ADDRESS = "multiserverAddress"


@dataclass(frozen=True, slots=True)
class Uri:
    """An SSB URI in parts: `ssb:KIND/FORMAT/VALUE?QUERY`. `value` is kept as it is, in url-safe base64.

    For `ssb:experimental?…`, `format` and `value` are empty.
    """

    kind: str
    format: str = ""
    value: str = ""
    query: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        path = "/".join(filter(None, (self.kind, self.format, self.value)))
        return f"ssb:{path}" + (f"?{urlencode(self.query, quote_via=quote, safe='')}" if self.query else "")


def parse_uri(text: str) -> Uri:
    """Parse any SSB URI, including ones with `:` between the parts or `//` before them. Raises InvalidFormat."""
    if len(text) > LONGEST:
        raise InvalidFormat(f"an SSB URI can have at most {LONGEST} characters")
    scheme, _, rest = text.strip().partition(":")
    if scheme.lower() != "ssb":
        raise InvalidFormat("an SSB URI must start with 'ssb:'")
    path, _, tail = rest.partition("?")
    parts = re.split("[:/]", path.removeprefix("//").removesuffix("/"), maxsplit=2)
    if not all(re.fullmatch(r"[a-z][a-z0-9-]*", part) for part in parts[:2]):
        raise InvalidFormat("an SSB URI must name a kind and a format")
    try:
        query = dict(parse_qsl(tail, keep_blank_values=True, strict_parsing=bool(tail), errors="strict"))
    except ValueError:
        raise InvalidFormat("the query of an SSB URI must have the form key=value&key=value") from None
    kind, form, value = (*parts, "", "")[:3]
    if (kind == "experimental") != (not form):
        raise InvalidFormat("an SSB URI must be experimental or name a format")
    return Uri(kind, form, value, query)


def sigil_to_uri(sigil: str) -> str:
    """Format a feed id `@…`, message id `%…` or blob id `&…` as an SSB URI. Raises InvalidFormat."""
    kind, suffix = _SIGILS.get(sigil[:1], ("", ""))
    if not kind or not sigil.endswith(f".{suffix}"):
        raise InvalidFormat("only ids of the form @….ed25519, %….sha256 or &….sha256 have a URI")
    data = decode_base64(sigil[1 : -len(suffix) - 1], KEY_BYTES, "the id")
    return str(Uri(kind, "classic", base64.urlsafe_b64encode(data).decode()))


def uri_to_sigil(text: str) -> str:
    """Parse the URI of a feed, message or blob into its id. Raises InvalidFormat.

    The older formats `ed25519` and `sha256` mean the same as `classic`.
    """
    uri = parse_uri(text)
    for sign, (kind, suffix) in _SIGILS.items():
        if uri.kind == kind and uri.format in {"classic", suffix}:
            return f"{sign}{_standard_base64(uri.value)}.{suffix}"
    raise InvalidFormat("the URI is not that of a classic feed, message or blob")


def address_to_uri(address: Address) -> str:
    """Format an address as an SSB URI, `ssb:address/multiserver?multiserverAddress=…`."""
    return str(Uri("address", "multiserver", query={_ADDRESS: address.multiserver}))


def uri_to_address(text: str) -> Address:
    """Parse the URI of an address, also with the address in the path, as some programs write it. Raises
    InvalidFormat.
    """
    uri = parse_uri(text)
    if (uri.kind, uri.format) != ("address", "multiserver"):
        raise InvalidFormat("the URI is not that of an address")
    return Address.parse(uri.query.get(_ADDRESS) or unquote(uri.value))


def experimental_uri(action: str, **parameters: str) -> str:
    """Format a link that asks a client to act, for example to `claim-http-invite`: `ssb:experimental?action=…`."""
    return str(Uri("experimental", query={"action": action, **parameters}))


def _standard_base64(value: str) -> str:
    try:
        data = base64.b64decode(value.encode(), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise InvalidFormat("the URI's value is not url-safe base64") from None
    if len(data) != KEY_BYTES or base64.urlsafe_b64encode(data).decode() != value:
        raise InvalidFormat(f"the URI's value is not the url-safe base64 of {KEY_BYTES} bytes")
    return base64.b64encode(data).decode()
