"""Decrypting private messages with the pub's own key, for masters."""

from typing import Any

from scuttlekit.canonical import parse
from scuttlekit.keys import KeyPair
from scuttlekit.pub.calls.ranges import Range, Show
from scuttlekit.pub.store import Stored


class Secrets:
    """Decrypts private messages addressed to the pub."""

    def __init__(self, keys: KeyPair) -> None:
        self._keys = keys

    def content_of(self, value: dict[str, Any]) -> Any | None:
        """The decrypted content of a private message; None if it is not private or not for us."""
        content = value["content"]
        if not isinstance(content, str):
            return None
        from scuttlekit.private import unbox

        return unbox(content, self._keys)

    def opened(self, message: Stored) -> dict[str, Any] | None:
        """A private message for us in ssb-db's format: decrypted, `private` set, and the original in `meta`."""
        record = parse(message.record)
        value = record["value"]
        content = self.content_of(value)
        if content is None:
            return None
        value["meta"] = {"private": True, "original": {"content": value["content"]}}
        value |= {"content": content, "private": True, "cyphertext": value["content"]}
        record["value"] = value
        return record  # type: ignore[no-any-return]

    def show(self, wanted: Range) -> Show:
        """Show messages as the range says, with private ones decrypted."""

        def show(message: Stored) -> Any:
            record = self.opened(message) if b'.box"' in message.record else None
            if record is None or not wanted.values:
                return wanted.show(message)
            return record if wanted.keys else record["value"]

        return show
