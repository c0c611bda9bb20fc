"""The pub's configuration: one JSON object. Every field is known by name and checked."""

import base64
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final

import orjson

from scuttlekit.handshake import MAIN_NETWORK
from scuttlekit.pub.exits import Refusal
from scuttlekit.pub.fence import is_loopback
from scuttlekit.pub.limits import NAMES
from scuttlekit.pub.room import MODES, Mode

MOST_HOPS = 3

_ID = re.compile(r"@[A-Za-z0-9+/]{43}=\.ed25519")
_KEY = re.compile(r"[A-Za-z0-9+/]{43}=")
_HOST_NAME = re.compile(r"(?=.{1,253}\Z)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.?)+", re.IGNORECASE)
_MOST_PORT = 65535
_MOST_EXACT = (1 << 53) - 1


@dataclass(frozen=True, slots=True)
class Config:
    """The checked configuration. The pub's README explains each field."""

    path: Path
    host: str
    port: int
    external: str | None
    master: frozenset[str]
    revoked: frozenset[str]
    network: bytes
    launch: int
    sequence: int
    catch_up: bool
    fence: bool
    hops: int
    room: Mode
    limits: Mapping[str, float]


def read_config(arguments: list[str]) -> Config:
    """Read the configuration from the file named by the only argument. Raises a Refusal that names the field."""
    if len(arguments) != 1:
        raise _bad(f"The pub takes one argument, the path of its configuration, and got {len(arguments)}.")
    (path,) = arguments
    try:
        text = Path(path).read_bytes()
    except OSError as error:
        raise _bad(f"The configuration {path} cannot be read: {error.strerror}.") from None
    try:
        given = orjson.loads(text)
    except ValueError:
        # The parser's message is left out because it quotes the text.
        raise _bad(f"The configuration {path} is not JSON.") from None
    if not isinstance(given, dict):
        raise _bad(f"The configuration {path} must be a JSON object.")
    return checked(given)


def checked(given: Mapping[str, Any]) -> Config:
    """Check a configuration and fill in its defaults. Raises a Refusal that names the field."""
    for name in given:
        if name not in FIELDS:
            raise _bad(f'The configuration has a field "{name}" that the pub does not know.')
    fields = {**_DEFAULTS, **given}
    for name, (is_right, what) in FIELDS.items():
        if name not in fields:
            raise _bad(f'The configuration lacks "{name}": {what}.')
        if not is_right(fields[name]):
            raise _bad(f'The configuration\'s "{name}" must be {what}.')
    key = fields["caps"].get("shs")
    return Config(
        path=Path(fields["path"]),
        host=fields["host"],
        port=int(fields["port"]),
        external=fields["external"],
        master=frozenset(fields["master"]),
        revoked=frozenset(fields["revoked"]),
        network=MAIN_NETWORK if key is None else base64.b64decode(key),
        launch=int(fields["launch"]),
        sequence=int(fields["sequence"]),
        catch_up=fields["catchUp"],
        # Pubs on one machine's loopback are meant to reach each other.
        fence=not is_loopback(fields["host"]) if fields["fence"] is None else fields["fence"],
        hops=int(fields["hops"]),
        room=Mode(fields["room"]),
        limits=fields["limits"],
    )


def _bad(message: str) -> Refusal:
    return Refusal("bad-config", message)


def _is_path(value: Any) -> bool:
    return isinstance(value, str) and value.startswith("/") and "\0" not in value


def _is_count(value: Any) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and float(value).is_integer() and 0 <= value <= _MOST_EXACT


def _is_port(value: Any) -> bool:
    return _is_count(value) and 0 < value <= _MOST_PORT


def _is_host(value: Any) -> bool:
    return isinstance(value, str) and (_is_ip(value) or _HOST_NAME.fullmatch(value) is not None)


def _is_ip(value: str) -> bool:
    try:
        return bool(ip_address(value))
    except ValueError:
        return False


def _is_external(value: Any) -> bool:
    return value is None or _is_host(value)


def _is_ids(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) and _ID.fullmatch(item) for item in value)


def _is_caps(value: Any) -> bool:
    return isinstance(value, dict) and all(
        name == "shs" and isinstance(key, str) and _KEY.fullmatch(key) for name, key in value.items()
    )


def _is_limits(value: Any) -> bool:
    return isinstance(value, dict) and all(
        name in NAMES and _is_count(number) for name, number in value.items()
    )


def _is_bool(value: Any) -> bool:
    return isinstance(value, bool)


def _is_fence(value: Any) -> bool:
    return value is None or _is_bool(value)


def _is_hops(value: Any) -> bool:
    return _is_count(value) and value <= MOST_HOPS


def _is_mode(value: Any) -> bool:
    return isinstance(value, str) and value in MODES


_IDS = 'a list of ids like "@….ed25519"'
_WHOLE = "a whole number that is not negative"

FIELDS: Final[Mapping[str, tuple[Callable[[Any], bool], str]]] = {
    "path": (_is_path, "the absolute path of the data folder"),
    "host": (_is_host, "an address to listen on"),
    "port": (_is_port, "a port number from 1 to 65535"),
    "external": (_is_external, "the host name that others reach the pub by, or null"),
    "master": (_is_ids, _IDS),
    "revoked": (_is_ids, _IDS),
    "caps": (_is_caps, 'an object whose "shs" is a network key of 32 bytes in base64'),
    "launch": (_is_count, _WHOLE),
    "sequence": (_is_count, _WHOLE),
    "catchUp": (_is_bool, "true or false"),
    "fence": (_is_fence, "true or false"),
    "hops": (_is_hops, f"a number of hops from 0 to {MOST_HOPS}"),
    "room": (_is_mode, f"one of {', '.join(sorted(MODES))}"),
    "limits": (_is_limits, "an object of whole numbers, by the names of bounds"),
}

_DEFAULTS: Final[Mapping[str, Any]] = {
    "external": None,
    "master": [],
    "revoked": [],
    "caps": {},
    "launch": 0,
    "sequence": 0,
    "catchUp": False,
    "fence": None,
    "hops": 2,
    "room": Mode.COMMUNITY.value,
    "limits": {},
}
