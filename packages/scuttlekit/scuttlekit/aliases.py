"""Aliases of rooms: short names of members, each with the signature by which its owner chose it.

Source: https://github.com/ssbc/rooms2, "Alias database", "Alias string" and "Alias registration".
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import orjson

from scuttlekit.errors import InvalidFormat
from scuttlekit.keys import is_signed_by

LONGEST: Final = 63

_LABEL: Final = re.compile(rf"[a-z](?:[a-z0-9-]{{0,{LONGEST - 2}}}[a-z0-9])?")
"""A label of RFC 1035 in lower case, since labels that differ only in case would be confused."""


@dataclass(frozen=True, slots=True)
class Alias:
    """An alias and its owner. `signature` is base64 with its suffix, in the form that apps check."""

    alias: str
    feed: str
    signature: str

    def as_told(self) -> dict[str, str]:
        """{alias, userId, signature}, as a room's calls return it."""
        return {"alias": self.alias, "userId": self.feed, "signature": self.signature}


def is_alias(text: Any) -> bool:
    """Whether a text is a valid alias."""
    return isinstance(text, str) and _LABEL.fullmatch(text) is not None


def confirmation(room_id: str, feed: str, alias: str) -> bytes:
    """The text that the owner of an alias signs."""
    return f"=room-alias-registration:{room_id}:{feed}:{alias}".encode()


def is_confirmed(room_id: str, alias: Alias) -> bool:
    """Whether the signature is valid for this owner, room and alias."""
    return is_signed_by(alias.feed, confirmation(room_id, alias.feed, alias.alias), alias.signature)


def format_aliases(aliases: Iterable[Alias]) -> bytes:
    """The file of a pub's aliases."""
    kept = [[each.alias, each.feed, each.signature] for each in aliases]
    return orjson.dumps({"aliases": kept}, option=orjson.OPT_INDENT_2)


def parse_aliases(text: bytes) -> list[Alias]:
    """What `format_aliases` wrote; no signature is checked. Raises `InvalidFormat`."""
    try:
        kept = [Alias(*entry) for entry in orjson.loads(text)["aliases"]]
    except (ValueError, TypeError, KeyError):
        raise InvalidFormat("these are not valid aliases") from None
    if not all(
        is_alias(each.alias) and isinstance(each.feed, str) and isinstance(each.signature, str)
        for each in kept
    ):
        raise InvalidFormat("one of these is not a valid alias")
    return kept
