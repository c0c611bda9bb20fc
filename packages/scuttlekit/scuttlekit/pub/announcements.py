"""Pub addresses that people announce in messages of the type `pub`."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final

from scuttlekit.errors import InvalidFormat
from scuttlekit.pub.fence import is_fenced
from scuttlekit.pub.gossip import ANNOUNCED, Gossip, KnownAddress, read_address
from scuttlekit.pub.limits import Limits
from scuttlekit.pub.store import Store, Stored

SLICE: Final = 500
PAUSE: Final = 0.01
"""How many log messages are scanned at once, and the pause between scans in seconds. Nobody waits for the scan."""

_LOOKS_LIKE_ONE: Final = b'"type":"pub"'


class Announcements:
    """Collects the addresses announced by people near enough, up to a limit for each of them."""

    def __init__(
        self,
        gossip: Gossip,
        limits: Limits,
        own_id: str,
        *,
        fenced: bool,
        is_known: Callable[[str], bool],
        hurry: Callable[[], object],
    ) -> None:
        self._gossip = gossip
        self._limits = limits
        self._own_id = own_id
        self._fenced = fenced
        self._is_known = is_known
        self._hurry = hurry
        self._heard: dict[str, int] = {}

    def hear(self, messages: Sequence[Stored]) -> None:
        """Collect the announcements among new messages."""
        for message in messages:
            if _LOOKS_LIKE_ONE in message.record and self._is_known(message.author):
                self._take(message.author, message.value["content"])

    async def recall(self, store: Store) -> None:
        """Collect earlier announcements from the log. Raises NotReady, OSError."""
        after = -1
        while messages := store.read_log(after, SLICE):
            self.hear(messages)
            after = messages[-1].offset
            await asyncio.sleep(PAUSE)
        # Written even if nothing was found, so that the log is not scanned again at every start.
        self._gossip.is_changed = True

    def _take(self, author: str, content: Any) -> None:
        match content:
            case {"type": "pub", "address": given}:
                try:
                    address, text = read_address(given)
                except InvalidFormat:
                    return
            case _:
                return
        if address.transport != "net" or address.key == self._own_id or self._gossip.get(address.key):
            return
        # A host name is resolved and checked when it is dialled.
        if self._fenced and is_fenced(address.host, default=False):
            return
        count = self._heard.get(author, 0)
        if count >= self._limits["announced"]:
            self._limits.refuse("announced")
            return
        self._heard[author] = count + 1
        self._gossip.add(KnownAddress(address, text, ANNOUNCED))
        self._hurry()
