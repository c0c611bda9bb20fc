"""Aliases: short names of members of this room, each with a signature that proves that its owner chose it.

They are stored in the file `aliases.json`.

Source: https://github.com/ssbc/rooms2, "Alias database", "Alias string" and "Alias registration".
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from scuttlekit.errors import RemoteError
from scuttlekit.files import write_whole
from scuttlekit.keys import is_signed_by
from scuttlekit.pub.allowance import DailyAllowance
from scuttlekit.pub.exits import Refusal
from scuttlekit.pub.limits import Limits

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


class Aliases:
    """All aliases of a room. Their number is limited, in total and per member, and so are a member's changes per day."""

    def __init__(self, folder: Path, room_id: str, limits: Limits) -> None:
        self._path = folder / "aliases.json"
        self._room_id = room_id
        self._limits = limits
        self._changes = DailyAllowance(limits["aliasChanges"])
        self._aliases: dict[str, Alias] = {}

    def read(self) -> None:
        """Read the file. Raises Refusal if it is damaged, OSError."""
        try:
            text = self._path.read_bytes()
        except FileNotFoundError:
            return
        try:
            kept = [Alias(*entry) for entry in orjson.loads(text)["aliases"]]
        except (ValueError, TypeError, KeyError):
            kept = [Alias("", "", "")]
        # Signatures were checked at registration, and whoever uses one checks it again.
        if not all(
            is_alias(each.alias) and isinstance(each.feed, str) and isinstance(each.signature, str)
            for each in kept
        ):
            raise Refusal(
                "folder-unusable",
                f"The file {self._path} is damaged. Bring back a good copy; or remove it, and all aliases are gone.",
            )
        self._aliases = {each.alias: each for each in kept}

    def find(self, alias: str) -> Alias | None:
        return self._aliases.get(alias)

    def of(self, feed: str) -> list[str]:
        """The aliases of a feed, in the order of registration."""
        return [each.alias for each in self._aliases.values() if each.feed == feed]

    def by_feed(self) -> Mapping[str, list[str]]:
        """All aliases by owner."""
        found: dict[str, list[str]] = {}
        for each in self._aliases.values():
            found.setdefault(each.feed, []).append(each.alias)
        return found

    def register(self, alias: Any, feed: str, signature: Any) -> Alias:
        """Register an alias for a feed. Repeating this changes nothing. Raises RemoteError, OSError."""
        if not is_alias(alias):
            raise RemoteError(
                f"an alias has 1 to {LONGEST} small letters, digits and hyphens, and begins with a letter"
            )
        wanted = Alias(alias, feed, signature if isinstance(signature, str) else "")
        if not is_confirmed(self._room_id, wanted):
            raise RemoteError("the signature does not confirm this alias")
        if (found := self._aliases.get(alias)) is not None:
            if found.feed != feed:
                raise RemoteError(f"the alias {alias} is taken")
            return found
        for bound, count in (("aliases", len(self._aliases)), ("aliasesOfOne", len(self.of(feed)))):
            if count >= self._limits[bound]:
                self._limits.refuse(bound)
                raise RemoteError("there are too many aliases: revoke one first")
        self._count_change(feed)
        self._aliases[alias] = wanted
        self._write()
        return wanted

    def revoke(self, alias: Any, feed: str | None) -> None:
        """Remove an alias of `feed`, or of any owner if `feed` is None. Raises RemoteError, OSError."""
        found = self._aliases.get(alias) if isinstance(alias, str) else None
        if found is None:
            raise RemoteError("there is no such alias")
        if feed not in (None, found.feed):
            raise RemoteError(f"the alias {alias} is somebody else's")
        if feed is not None:
            self._count_change(feed)
        del self._aliases[alias]
        self._write()

    def _count_change(self, feed: str) -> None:
        """Raise RemoteError if a member changes aliases too often. Each change is written to disk."""
        self._changes.renew()
        if self._changes.is_used_up(feed):
            self._limits.refuse("aliasChanges")
            raise RemoteError("you changed your aliases too often: try again tomorrow")
        self._changes.use(feed, 1)

    def _write(self) -> None:
        kept = [[each.alias, each.feed, each.signature] for each in self._aliases.values()]
        write_whole(self._path, orjson.dumps({"aliases": kept}, option=orjson.OPT_INDENT_2), lasting=True)
