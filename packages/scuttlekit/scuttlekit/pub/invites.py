"""The pub's own invites: making them, and letting guests in."""

import asyncio
import re
import secrets
from collections.abc import Sequence
from enum import Enum
from typing import Any, Final

from scuttlekit.addresses import Address
from scuttlekit.errors import InvalidFormat, RemoteError
from scuttlekit.invites import InviteCode
from scuttlekit.keys import KEY_BYTES, KeyPair, decode_feed_id
from scuttlekit.pub.catchup import CatchUp
from scuttlekit.pub.offers import Offer, Offers
from scuttlekit.pub.store import Store, Stored

MOST_USES: Final = 1000
LONGEST_NOTE: Final = 100
PIECE: Final = 200

_WRONG = "an invite has an id, uses from 1 to 1000, a note, and expires or null"
_HOST = re.compile(r"[A-Za-z0-9._:-]{1,253}")
_EXACT: Final = 1 << 53


class InviteResult(Enum):
    """The result of using an invite."""

    LET_IN = "let in"
    KNOWN = "known"
    """The pub already follows the feed."""
    UNKNOWN = "unknown"
    """There is no such invite, or it was revoked."""
    BLOCKED = "blocked"
    EXPIRED = "expired"
    SPENT = "spent"


_REFUSALS: Final = {
    InviteResult.UNKNOWN: "invite was revoked",
    InviteResult.BLOCKED: "this pub blocks the feed",
    InviteResult.EXPIRED: "invite has expired",
    InviteResult.SPENT: "invite has expired",
}


class Invites:
    """The invites of the pub. Uses and revocations are serialised, so that none counts twice."""

    def __init__(
        self, offers: Offers, store: Store, keys: KeyPair, address: Address, *, catch_up: CatchUp
    ) -> None:
        self._offers = offers
        self._store = store
        self._own_id = keys.id
        self._address = address
        self._catch_up = catch_up
        self._turn = asyncio.Lock()

    def is_key(self, key: str) -> bool:
        """Whether this is the key of an invite. Apps keep connecting with it long after they used the invite."""
        return self._offers.is_key(key)

    def opens(self, key: str) -> bool:
        """Whether this key can still let somebody new in."""
        offer = self._offers.get(key)
        return offer is not None and offer.left > 0

    def guests(self, key: str) -> Sequence[str]:
        """The feeds that came in with this key."""
        offer = self._offers.get(key)
        return () if offer is None else offer.guests

    def list(self, *, include_all: bool) -> list[dict[str, Any]]:
        """`[{id, note, uses, used, left, expires?}]`; used-up and expired invites only with `include_all`."""
        return [offer.as_told() for offer in self._offers if include_all or offer.left]

    async def offer(self, wanted: Any) -> bool:
        """Add an invite whose key the caller made, so that repeating the call changes nothing.

        Returns False if it was already known. Raises RemoteError, OSError.
        """
        offer = _read_offer(wanted)
        async with self._turn:
            is_new = self._offers.add(offer)
            if is_new:
                self._offers.write()
            return is_new

    async def revoke(self, key: Any) -> bool:
        """Revoke an invite. Its holders can no longer use it, connected or not. Raises OSError."""
        async with self._turn:
            was_there = isinstance(key, str) and self._offers.remove(key)
            if was_there:
                self._offers.write()
            return was_there

    async def create(self, options: Any) -> str:
        """Create an invite, and return its code. Raises RemoteError, OSError."""
        wanted = {"uses": options} if isinstance(options, int | float) else options
        wanted = wanted if isinstance(wanted, dict) else {}
        if wanted.get("modern"):
            raise RemoteError('this pub makes no invites of the kind "modern"')
        external = wanted.get("external") or self._address.host
        if not isinstance(external, str) or not _HOST.fullmatch(external):
            raise RemoteError("an invite's external must be the name of a host")
        seed = secrets.token_bytes(KEY_BYTES)
        uses = wanted.get("uses") or 1
        offer = {"id": KeyPair(seed).id, "uses": uses, "note": wanted.get("note") or "", "expires": None}
        await self.offer(offer)
        return InviteCode(Address(external, self._address.port, self._own_id), seed).code

    async def use(self, key: str, request: Any) -> Stored | None:
        """Follow a feed for a guest with the key of an invite, and return the follow message.

        Returns None if the feed is already followed: it is welcome, and no use is counted. Raises
        RemoteError, with ssb-invite's wording where there is one.
        """
        feed = _feed_in(request)
        outcome, published = await self._let_in(key, feed)
        if outcome in _REFUSALS:
            raise RemoteError(_REFUSALS[outcome])
        return published

    async def claim(self, request: Any) -> dict[str, Any]:
        """Follow a feed by an invite, for a service that was shown the invite: `{id, feed}` → `{outcome, sequence?}`.

        `id` is the id of the invite's key. Repeating the call changes nothing: a followed feed is `known`.
        Raises RemoteError.
        """
        key = request.get("id") if isinstance(request, dict) else None
        outcome, published = await self._let_in(key if isinstance(key, str) else "", _feed_in(request))
        answer = {"outcome": outcome.value}
        return answer if published is None else {**answer, "sequence": published.value["sequence"]}

    async def _let_in(self, key: str, feed: str) -> tuple[InviteResult, Stored | None]:
        self._catch_up.check()
        async with self._turn:
            offer = self._offers.get(key)
            if offer is None:
                return InviteResult.UNKNOWN, None
            if self._store.graph.blocks(self._own_id, feed):
                return InviteResult.BLOCKED, None
            if offer.has_expired:
                return InviteResult.EXPIRED, None
            if feed == self._own_id or self._store.graph.follows(self._own_id, feed):
                return InviteResult.KNOWN, None
            if not offer.left:
                return InviteResult.SPENT, None
            content = {"type": "contact", "contact": feed, "following": True, "pub": True}
            if offer.note:
                content["note"] = offer.note
            published = await self._store.publish(content)
            offer.used += 1
            offer.guests.append(feed)
            self._offers.counted = published.value["sequence"]
            # If the feed identifies the use, the next start counts it even if the file is not written until then.
            if not self._offers.is_told_by_feed(offer):
                self._offers.write()
            return InviteResult.LET_IN, published

    def begin(self) -> None:
        """Count uses in the pub's own feed that are not counted yet. Raises OSError."""
        before = self._offers.counted
        while messages := self._store.invite_uses(self._offers.counted, PIECE):
            for message in messages:
                value = message.value
                self._offers.counted = value["sequence"]
                if value["content"].get("pub") is True:
                    self._offers.count(value["content"]["note"], value["content"]["contact"])
        if self._offers.counted != before:
            self._offers.write()


def _feed_in(request: Any) -> str:
    feed = request.get("feed") if isinstance(request, dict) else None
    if not isinstance(feed, str) or not is_feed(feed):
        raise RemoteError("feed to follow is not a feed id")
    return feed


def is_feed(text: str) -> bool:
    """Whether a text is a feed id."""
    try:
        return bool(decode_feed_id(text))
    except InvalidFormat:
        return False


def _read_offer(wanted: Any) -> Offer:
    fields = wanted if isinstance(wanted, dict) else {}
    key, uses, note, expires = (fields.get(name) for name in ("id", "uses", "note", "expires"))
    used = fields.get("used", 0)
    is_right = (
        isinstance(key, str)
        and is_feed(key)
        and _is_count(uses)
        and 0 < int(uses or 0) <= MOST_USES
        and isinstance(note, str)
        and len(note) <= LONGEST_NOTE
        and (expires is None or _is_count(expires))
        and _is_count(used)
    )
    if not is_right:
        raise RemoteError(_WRONG)
    return Offer(
        id=str(key),
        uses=int(uses or 0),
        note=note or None,
        expires=None if expires is None else int(expires),
        used=int(used),
    )


def _is_count(value: Any) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and 0 <= value < _EXACT and float(value).is_integer()
