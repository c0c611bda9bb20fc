"""What the pub's own feed already says, so that nothing is published twice."""

from collections.abc import Callable
from typing import Any, Final

from scuttlekit.addresses import Address
from scuttlekit.errors import InvalidFormat
from scuttlekit.pub.gossip import read_address
from scuttlekit.pub.store import Store, Stored

PIECE: Final = 200


def latest_said(store: Store, own_id: str, is_it: Callable[[dict[str, Any]], bool]) -> Stored | None:
    """Find the latest message of the pub's own feed whose content matches `is_it`; None if there is none."""
    before: int | None = None
    while messages := store.read_feed(own_id, before=before, limit=PIECE, reverse=True):
        for message in messages:
            value = message.value
            content = value["content"]
            if isinstance(content, dict) and is_it(content):
                return message
        before = value["sequence"]
    return None


class Announcing:
    """Announces pub addresses in messages of the type `pub`, which apps and pubs use to dial."""

    def __init__(self, store: Store, own_id: str) -> None:
        self._store = store
        self._own_id = own_id

    async def announce(self, address: Address) -> Stored:
        """Announce a pub's address, and return the message. If the feed already announces it, publish nothing.

        Raises RemoteError, OSError.
        """
        said = latest_said(self._store, self._own_id, lambda content: _pub_in(content) == address.key)
        if said is not None and _place_in(said.value["content"]) == address:
            return said
        where = {"host": address.host, "port": address.port, "key": address.key}
        return await self._store.publish({"type": "pub", "address": where})


def _pub_in(content: dict[str, Any]) -> str | None:
    place = _place_in(content)
    return None if place is None else place.key


def _place_in(content: dict[str, Any]) -> Address | None:
    if content.get("type") != "pub":
        return None
    try:
        return read_address(content.get("address"))[0]
    except InvalidFormat:
        return None
