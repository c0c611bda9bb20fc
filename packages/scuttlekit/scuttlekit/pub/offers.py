"""The invites of the pub, stored in the file `offers.json`.

The file records which invites were made and revoked. Uses are counted from the pub's own feed, which is
authoritative: the file only caches the count up to the message `counted`.
"""

import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import orjson

from scuttlekit.files import write_whole
from scuttlekit.pub.exits import Refusal

MOST_FORMER: Final = 10_000

_MILLISECONDS: Final = 1000


@dataclass(slots=True)
class Offer:
    """An invite. `id` is the id of its key, and `expires` is in ms since 1970."""

    id: str
    uses: int
    note: str | None = None
    expires: int | None = None
    used: int = 0
    taken_over: bool = False
    """Whether it was imported from ssb-server's store, which keeps it too."""
    guests: list[str] = field(default_factory=list)
    """The feeds that used it."""

    @property
    def has_expired(self) -> bool:
        return self.expires is not None and self.expires <= time.time() * _MILLISECONDS

    @property
    def left(self) -> int:
        """How often it can still be used."""
        return 0 if self.has_expired else max(0, self.uses - self.used)

    def as_told(self) -> dict[str, Any]:
        """{id, note, uses, used, left, expires}, as calls return it; `expires` in ms since 1970, if it has an end."""
        shown = {"id": self.id, "note": self.note, "uses": self.uses, "used": self.used, "left": self.left}
        return shown if self.expires is None else {**shown, "expires": self.expires}


class Offers:
    """All invites that were not revoked, including used-up and expired ones."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "offers.json"
        self._offers: dict[str, Offer] = {}
        self.counted = 0
        """Uses are counted up to this message of the pub's own feed."""
        self.store = ""
        """A fingerprint of ssb-server's store when its invites were imported."""
        self._gone: set[str] = set()
        """The imported invites that were revoked since."""
        self._former: dict[str, None] = {}
        """The keys of invites that were used and then revoked. Apps keep connecting with them."""

    def read(self) -> None:
        """Read the file. Raises Refusal if it is damaged, OSError."""
        try:
            text = self._path.read_bytes()
        except FileNotFoundError:
            return
        try:
            kept = orjson.loads(text)
            self._offers = {entry["id"]: Offer(**entry) for entry in kept["offers"]}
            self.counted, self.store, self._gone = kept["counted"], kept["store"], set(kept["gone"])
            self._former = dict.fromkeys(kept.get("former", []))
        except (ValueError, TypeError, KeyError):
            raise Refusal(
                "folder-unusable",
                f"The file {self._path} is damaged. Restore a good copy, or remove it and lose all invites.",
            ) from None

    def write(self) -> None:
        """Write the file durably. Raises OSError."""
        kept = {
            "offers": [asdict(offer) for offer in self],
            "counted": self.counted,
            "store": self.store,
            "gone": sorted(self._gone),
            "former": list(self._former),
        }
        write_whole(self._path, orjson.dumps(kept, option=orjson.OPT_INDENT_2), lasting=True)

    def __iter__(self) -> Iterator[Offer]:
        return iter(tuple(self._offers.values()))

    def get(self, key: str) -> Offer | None:
        return self._offers.get(key)

    def is_key(self, key: str) -> bool:
        """Whether this is the key of an invite. Used-up, expired, and used but revoked invites count too."""
        return key in self._offers or key in self._former

    def is_told_by_feed(self, offer: Offer) -> bool:
        """Whether the pub's own feed identifies the uses of this invite, by a note that no other has."""
        return bool(offer.note) and all(other is offer or other.note != offer.note for other in self)

    def add(self, offer: Offer) -> bool:
        """Add an invite. Returns False if it exists, or was imported from ssb-server and revoked here."""
        if offer.id in self._offers or (offer.taken_over and offer.id in self._gone):
            return False
        self._gone.discard(offer.id)
        self._former.pop(offer.id, None)
        self._offers[offer.id] = offer
        return True

    def remove(self, key: str) -> bool:
        """Revoke an invite. Returns False if there was none."""
        offer = self._offers.pop(key, None)
        if offer is not None and offer.taken_over:
            self._gone.add(key)
        if offer is not None and offer.used:
            self._former[key] = None
            if len(self._former) > MOST_FORMER:
                del self._former[next(iter(self._former))]
        return offer is not None

    def count(self, note: str, guest: str) -> None:
        """Count a use found in the feed, by its note. If invites share the note, the first with uses left counts it."""
        found = [offer for offer in self._offers.values() if offer.note == note]
        if found:
            offer = next((offer for offer in found if offer.used < offer.uses), found[-1])
            offer.used += 1
            offer.guests.append(guest)

    def count_anew(self) -> None:
        """Reset the counts, so that uses of invites with a note are counted again from the start of the feed."""
        self.counted = 0
        for offer in self._offers.values():
            if offer.note:
                offer.used, offer.guests = 0, []
