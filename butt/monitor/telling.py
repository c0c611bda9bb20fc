"""What bots are told over the kept connections: which invites to forget, what to publish about themselves, and whom to join."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Collection
from typing import TypeVar

from asgiref.sync import sync_to_async
from django.utils import timezone

from butt.imports import catchup
from butt.imports.catchup import CaughtUp
from butt.invites import profiles, retelling, withdrawing
from butt.invites.profiles import BotProfile
from butt.invites.retelling import Retelling, StoredInvite
from butt.invites.withdrawing import Withdrawal
from butt.monitor import limiting
from butt.monitor.guests import Guests
from butt.monitor.limiting import Limiting, Recounting
from butt.peers import announcing, joining, rooms
from butt.peers.announcing import PubAnnouncement
from butt.peers.joining import Joining
from scuttlekit import CallTimeout, Peer, RemoteError, ScuttlebuttError

log = logging.getLogger("butt.monitor")

WITHDRAW_EVERY, RETELL_EVERY, INTRODUCE_EVERY, CATCH_UP_EVERY = 1.0, 1.0, 3.0, 1.0
ANNOUNCE_EVERY, JOIN_EVERY, LIMIT_EVERY, ROOM_EVERY = 3.0, 1.0, 3.0, 3.0
AT_ONCE = 50
PATIENCE = 10.0
LONG_PATIENCE = 45.0
"""Seconds for what a pub does with another one: it allows 10 to connect and 20 to answer."""

REST = 60.0
"""Seconds until a bot that refused one kind of message is told again."""

T = TypeVar(
    "T",
    Withdrawal,
    Retelling,
    BotProfile,
    CaughtUp,
    PubAnnouncement,
    Joining,
    Limiting,
    Recounting,
    rooms.RoomUpdate,
)


class Telling:
    """Each kind can be repeated without harm: the pub forgets an invite once, and publishes nothing twice.

    Each method returns whether some of it is left, for example because a bot does not answer now.
    """

    def __init__(self, guests: Guests) -> None:
        self._guests = guests
        self._resting: dict[tuple[type, object], float] = {}

    async def withdraw(self) -> bool:
        """Have pubs forget the invites that are over."""
        ran, left = await self._each(await sync_to_async(withdrawing.due)(timezone.now()), self._withdraw)
        if ran:
            await sync_to_async(withdrawing.done)(ran, timezone.now())
        return left

    async def retell(self) -> bool:
        """Tell pubs that run another release now about their invites."""
        ran, left = await self._each(await sync_to_async(retelling.due)(), self._retell)
        if ran:
            await sync_to_async(retelling.done)(ran)
        return left

    async def introduce(self) -> bool:
        """Have pubs publish who they are, if their feed says something else."""
        return (await self._each(await sync_to_async(profiles.pending)(), self._introduce))[1]

    async def say_caught_up(self) -> bool:
        """Let pubs from elsewhere publish, if their owners said that there are no newer messages."""
        return (await self._each(await sync_to_async(catchup.pending)(), self._say_caught_up))[1]

    async def announce(self) -> bool:
        """Have pubs publish where they are, if their owners want them to be known and their feed says something else."""
        return (await self._each(await sync_to_async(announcing.pending)(), self._announce))[1]

    async def join_others(self) -> bool:
        """Have pubs take the invites of other pubs."""
        return (await self._each(await sync_to_async(joining.due)(timezone.now()), self._join))[1]

    async def limit(self) -> bool:
        """Tell pubs how much of the disk they may take."""
        return (await self._each(await sync_to_async(limiting.pending)(), self._limit))[1]

    async def recount(self) -> bool:
        """Have pubs count at least the traffic that was seen on their network this month."""
        return (await self._each(await sync_to_async(limiting.behind)(), self._recount))[1]

    async def furnish(self) -> bool:
        """Tell pubs who may meet in their room, and where the pages of aliases are."""
        return (await self._each(await sync_to_async(rooms.pending)(), self._furnish))[1]

    async def _furnish(self, peer: Peer, matter: rooms.RoomUpdate) -> None:
        wanted = {"mode": matter.mode, "aliasesAt": matter.aliases_at or None}
        await peer.call("butt.room", wanted, timeout=PATIENCE)
        await sync_to_async(rooms.told)(matter)

    async def _limit(self, peer: Peer, matter: Limiting) -> None:
        await peer.call("butt.limit", matter.limits, timeout=PATIENCE)
        await sync_to_async(limiting.told)(matter)

    async def _recount(self, peer: Peer, matter: Recounting) -> None:
        await peer.call("butt.traffic", matter.seen, timeout=PATIENCE)
        await sync_to_async(limiting.recounted)(matter)

    async def _announce(self, peer: Peer, announcement: PubAnnouncement) -> None:
        sequence = _sequence_in(await peer.call("butt.announce", timeout=PATIENCE))
        await sync_to_async(announcing.told)(announcement, sequence)

    async def _join(self, peer: Peer, matter: Joining) -> None:
        name, argument = ("invite.accept", matter.code) if matter.code else ("gossip.connect", matter.address)
        trouble = ""
        try:
            await peer.call(name, argument, timeout=LONG_PATIENCE)
        except RemoteError as error:
            trouble = str(error) or "It failed, and the bot does not say why."
        except CallTimeout:
            trouble = "The other pub did not answer."
        await sync_to_async(joining.ended)(matter, trouble, timezone.now())

    async def _say_caught_up(self, peer: Peer, _: CaughtUp) -> None:
        await peer.call("butt.caughtUp", timeout=PATIENCE)

    async def _withdraw(self, peer: Peer, withdrawal: Withdrawal) -> None:
        await peer.call("butt.revoke", withdrawal.code_id, timeout=PATIENCE)

    async def _retell(self, peer: Peer, matter: Retelling) -> None:
        kept = _kept(await peer.call("butt.invites", {"all": True}, timeout=PATIENCE))
        for name, argument in await sync_to_async(retelling.calls)(matter, kept):
            await peer.call(name, argument, timeout=PATIENCE)

    async def _introduce(self, peer: Peer, profile: BotProfile) -> None:
        wanted = {"name": profile.name, "description": profile.description}
        sequence = _sequence_in(await peer.call("butt.describe", wanted, timeout=PATIENCE))
        await sync_to_async(profiles.told)(profile, sequence)

    async def _each(
        self, matters: Collection[T], run: Callable[[Peer, T], Awaitable[None]]
    ) -> tuple[list[T], bool]:
        """Run those whose bot is connected; returns which ones succeeded, and whether others did not."""
        now = time.monotonic()
        self._resting = {kind: until for kind, until in self._resting.items() if until > now}
        due = [matter for matter in matters if (type(matter), matter.bot_id) not in self._resting]
        peers = self._guests.peers
        reachable = [(matter, peers[matter.bot_id]) for matter in due if matter.bot_id in peers]
        ran = []
        for start in range(0, len(reachable), AT_ONCE):
            part = reachable[start : start + AT_ONCE]
            ends = await asyncio.gather(*[self._try(run, peer, matter) for matter, peer in part])
            ran += [matter for (matter, _), good in zip(part, ends, strict=True) if good]
        return ran, len(ran) < len(matters)

    async def _try(self, run: Callable[[Peer, T], Awaitable[None]], peer: Peer, matter: T) -> bool:
        try:
            await run(peer, matter)
        except RemoteError as error:
            log.warning("%s refuses: %s", matter.bot_id, error)
            self._resting[type(matter), matter.bot_id] = time.monotonic() + REST
        except ScuttlebuttError as error:
            log.info("%s does not answer: %s", matter.bot_id, error)
        else:
            return True
        return False


def _sequence_in(answer: object) -> int:
    """The number of the message in which a pub publishes something. Raises RemoteError for an invalid answer."""
    sequence = answer.get("sequence") if isinstance(answer, dict) else None
    if not isinstance(sequence, int) or not 0 < sequence <= 2**53:
        raise RemoteError("it does not say in which message")
    return sequence


def _kept(answer: object) -> dict[str, StoredInvite]:
    """The invites that a pub says it keeps, by their ids; invalid ones are left out."""
    found = {}
    for said in answer if isinstance(answer, list) else []:
        invite = said if isinstance(said, dict) else {}
        used, left = invite.get("used"), invite.get("left")
        if isinstance(invite.get("id"), str) and isinstance(used, int) and isinstance(left, int):
            found[invite["id"]] = StoredInvite(used, left)
    return found
