"""Telling a pub all its invites again once it runs another release.

Another release may keep invites in another place, and know those that it kept there before: without the uses
and revocations since, and without newer invites. The rows here are right.
"""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.db.models import Count, Exists, F, OuterRef
from django.utils import timezone

from butt.agents.models import Agent
from butt.agents.states import State
from butt.invites.invite_state import InviteState, invite_state
from butt.invites.making import offer_of
from butt.invites.models import FeedState, Invite


@dataclass(frozen=True)
class Retelling:
    """The pub of this bot runs `release`, and has not been told its invites there."""

    bot_id: uuid.UUID
    release: str


@dataclass(frozen=True)
class StoredInvite:
    """An invite as a pub keeps it: how often it was used, and how often it can still be used."""

    used: int
    left: int


def due() -> list[Retelling]:
    """Bots that are alive and have invites, and whose pub runs another release than when it was told."""
    bots = Agent.objects.filter(progress__state=State.ALIVE, observed__alive=True)
    invited = bots.filter(Exists(Invite.objects.filter(bot=OuterRef("pk")).exclude(offered_at=None)))
    rows = invited.exclude(feed_state__release=F("progress__release"))
    return [Retelling(*row) for row in rows.values_list("id", "progress__release")]


def calls(retelling: Retelling, kept: Mapping[str, StoredInvite]) -> list[tuple[str, object]]:
    """The pub's methods to call, in order, as `(name, argument)`, to correct what it keeps. `kept` is keyed
    by the code's id.
    """
    found: list[tuple[str, object]] = []
    rows = (
        Invite.objects.filter(bot_id=retelling.bot_id).exclude(offered_at=None).annotate(times=Count("used"))
    )
    for invite in rows.order_by("created_at"):
        stored, is_open = kept.get(invite.code_id), _is_open(invite, invite.times)
        if stored is not None and (stored.used < invite.times if is_open else stored.left > 0):
            found.append(("butt.revoke", invite.code_id))
            stored = None
        if is_open and stored is None:
            found.append(("butt.offer", {**offer_of(invite), "used": invite.times}))
    return found


def done(retellings: Iterable[Retelling]) -> None:
    """Record that these pubs know their invites."""
    for retelling in retellings:
        if Agent.objects.filter(id=retelling.bot_id).exists():
            FeedState.objects.update_or_create(
                bot_id=retelling.bot_id, defaults={"release": retelling.release}
            )


def closed_of(bot: Agent, most: int) -> list[str]:
    """The ids of the newest invites that are over, if the bot's pub was not told its invites on this release."""
    if FeedState.objects.filter(bot=bot, release=bot.progress.release).exists():
        return []
    rows = Invite.objects.filter(bot=bot).exclude(offered_at=None).annotate(times=Count("used"))
    return [row.code_id for row in rows.order_by("-created_at") if not _is_open(row, row.times)][:most]


def _is_open(invite: Invite, used: int) -> bool:
    now = timezone.now()
    found = invite_state(
        uses=invite.uses, used=used, revoked_at=invite.revoked_at, expires_at=invite.expires_at, now=now
    )
    return found is InviteState.OPEN
