"""Reading and checking the arguments of calls, since a peer may send anything."""

from collections.abc import Mapping
from typing import Any, Final

from scuttlekit.errors import RemoteError
from scuttlekit.keys import decode_feed_id

_EXACT: Final = 1 << 53


def options_in(given: Any) -> Mapping[str, Any]:
    """The options of a call; empty if the argument is not an object."""
    return given if isinstance(given, dict) else {}


def is_true(given: Mapping[str, Any], name: str, *, default: bool = False) -> bool:
    """Read an option that is on or off, given as a boolean or a number."""
    value = given.get(name)
    return default if value is None else bool(value)


def number_in(given: Mapping[str, Any], name: str) -> float | None:
    """Read an option that is a number. Raises RemoteError for anything else."""
    value = given.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise RemoteError(f"{name} must be a number")
    return value


def limit_in(given: Mapping[str, Any]) -> int | None:
    """Read how many values are wanted; None for all. Raises RemoteError."""
    limit = number_in(given, "limit")
    return None if limit is None or not 0 <= limit < _EXACT else int(limit)


def feed_in(given: Any) -> str:
    """Read a feed id, given alone or as the option `id`. Raises RemoteError."""
    feed = given.get("id") if isinstance(given, dict) else given
    if not isinstance(feed, str):
        raise RemoteError("give a feed id, such as @….ed25519")
    try:
        decode_feed_id(feed)
    except ValueError as error:
        raise RemoteError(str(error)) from None
    return feed
