"""Invites: letting guests in, and accepting an invite to another pub."""

import asyncio
import re
import secrets
from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from typing import Any, Final

import orjson

from scuttlekit.addresses import Address
from scuttlekit.errors import InvalidFormat, RemoteError, ScuttlebuttError
from scuttlekit.invites import InviteCode
from scuttlekit.keys import KEY_BYTES, KeyPair, decode_feed_id
from scuttlekit.pub.catchup import CatchUp
from scuttlekit.pub.dialling import Dialler
from scuttlekit.pub.gossip import Gossip, KnownAddress
from scuttlekit.pub.log import chatter
from scuttlekit.pub.offers import Offer, Offers
from scuttlekit.pub.own_words import Announcing
from scuttlekit.pub.store import Store, Stored

MOST_USES: Final = 1000
LONGEST_NOTE: Final = 100
PIECE: Final = 200
PATIENCE: Final = 20.0
"""Seconds that another pub has to respond."""

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


class Visits:
    """Accepts invites to other pubs: follows the pub and announces its address, as ssb-invite does. May be repeated."""

    def __init__(
        self, store: Store, keys: KeyPair, dialler: Dialler, gossip: Gossip, announcing: Announcing
    ) -> None:
        self._announcing = announcing
        self._store = store
        self._keys = keys
        self._dialler = dialler
        self._gossip = gossip

    async def accept(self, code: Any) -> list[Stored]:
        """Use an invite code, and return the messages published for it. Raises RemoteError."""
        text = code.get("invite") if isinstance(code, dict) else code
        try:
            invite = InviteCode.parse(text if isinstance(text, str) else "")
        except InvalidFormat as error:
            raise RemoteError(f"this is not an invite: {error}") from None
        await self._use(invite)
        address = invite.address
        said = []
        if not self._store.graph.follows(self._keys.id, address.key):
            follow = {"type": "contact", "following": True, "autofollow": True, "contact": address.key}
            said.append(await self._store.publish(follow))
        said.append(await self._announcing.announce(address))
        self._gossip.add(KnownAddress(address, address.multiserver, "seed"))
        self._dialler.hurry()
        return said

    async def _use(self, invite: InviteCode) -> None:
        try:
            pub = await self._dialler.reach(invite.address, invite.keys)
        except ScuttlebuttError as error:
            raise RemoteError(f"could not connect to server: {error}") from None
        try:
            await pub.call("invite.use", {"feed": self._keys.id}, timeout=PATIENCE)
        except ScuttlebuttError as error:
            # If that pub already follows us, the invite has served its purpose.
            if "already following" not in str(error):
                raise RemoteError(f"invite not accepted: {error}") from None
        finally:
            await pub.close()


def take_over(offers: Offers, folder: Path) -> None:
    """Import invites from ssb-server's own store that are not known yet. Raises OSError.

    A store that cannot be read is skipped: its invites are void, and the pub starts.
    """
    store = folder / "invites"
    if not (store / "CURRENT").exists():
        return
    looks = " ".join(sorted(f"{file.name}:{file.stat().st_size}" for file in store.iterdir()))
    if looks == offers.store:
        return
    # Imported late, since only a folder from ssb-server needs it.
    from scuttlekit.leveldb import read

    try:
        kept = read(store)
    except (InvalidFormat, FileNotFoundError) as error:
        chatter("warning", f"The invites of ssb-server in {store} cannot be read, and are void: {error}")
        kept = {}
    for key, value in kept.items():
        if (offer := _read_ssb_invite(key, value)) is not None:
            offers.add(offer)
    offers.store = looks
    offers.count_anew()
    offers.write()


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


def _read_ssb_invite(key: bytes, value: bytes) -> Offer | None:
    """Read an entry of ssb-invite's store; None if it is not an invite."""
    try:
        kept = orjson.loads(value)
        return Offer(
            id=key.decode(),
            uses=int(kept["total"]),
            note=str(kept.get("note") or "") or None,
            expires=kept.get("expires"),
            used=int(kept["used"]),
            taken_over=True,
        )
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def _is_count(value: Any) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and 0 <= value < _EXACT and float(value).is_integer()
