"""The aliases of the members of this room, stored in the file `aliases.json`.

Source: https://github.com/ssbc/rooms2, "Alias database", "Alias string" and "Alias registration".
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scuttlekit.aliases import LONGEST, Alias, format_aliases, is_alias, is_confirmed, parse_aliases
from scuttlekit.data_folder import ALIASES
from scuttlekit.errors import InvalidFormat, RemoteError
from scuttlekit.files import write_whole
from scuttlekit.pub.allowance import DailyAllowance
from scuttlekit.pub.exits import Refusal
from scuttlekit.pub.limits import Limits


class Aliases:
    """All aliases of a room. Their number is limited, in total and per member, and so are a member's changes per day."""

    def __init__(self, folder: Path, room_id: str, limits: Limits) -> None:
        self._path = folder / ALIASES
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
        # Signatures were checked at registration, and whoever uses one checks it again.
        try:
            kept = parse_aliases(text)
        except InvalidFormat:
            raise Refusal(
                "folder-unusable",
                f"The file {self._path} is damaged. Restore a good copy, or remove it and lose all aliases.",
            ) from None
        self._aliases = {each.alias: each for each in kept}

    def __len__(self) -> int:
        return len(self._aliases)

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
            raise RemoteError(f"the alias {alias} belongs to somebody else")
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
        write_whole(self._path, format_aliases(self._aliases.values()), lasting=True)
