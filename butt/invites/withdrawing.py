"""The invites that pubs still have to forget: revoked ones, expired ones, and those whose making was cut off."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q

from butt.agents.models import Agent
from butt.invites.models import Invite
from butt.invites.retelling import closed_of

CUT_OFF = timedelta(seconds=60)
"""By then, any request to make an invite has been answered or was killed."""

MOST_AT_ONCE = 500


@dataclass(frozen=True)
class Withdrawal:
    invite_id: uuid.UUID
    bot_id: uuid.UUID
    code_id: str


def due(now: datetime) -> list[Withdrawal]:
    """What pubs that answer should forget now. Expired invites let nobody in anyway, but clocks may differ."""
    unfinished = Invite.objects.filter(offered_at=None, revoked_at=None, created_at__lt=now - CUT_OFF)
    # Mark it first, so that a slow request cannot finish it after it was withdrawn.
    unfinished.update(revoked_at=now, key=None)
    ended = Q(revoked_at__isnull=False) | Q(expires_at__lte=now)
    rows = Invite.objects.filter(ended, withdrawn_at=None, bot__observed__alive=True).order_by("created_at")
    return [Withdrawal(*row) for row in rows.values_list("id", "bot_id", "code_id")[:MOST_AT_ONCE]]


def done(withdrawals: Iterable[Withdrawal], now: datetime) -> None:
    """Record that their pubs no longer know them. Invites that nobody was ever shown are deleted."""
    mine = Invite.objects.filter(id__in=[withdrawal.invite_id for withdrawal in withdrawals])
    mine.filter(offered_at=None).delete()
    mine.update(withdrawn_at=now)


def revoked_of(bot: Agent) -> tuple[str, ...]:
    """The ids of invites that its pub may still know though they were revoked, or are over and known to
    another release.
    """
    if not Invite.objects.filter(bot=bot).exists():
        return ()  # The usual case for a bot that is new, and cheaper than what follows.
    rows = Invite.objects.filter(bot=bot, withdrawn_at=None, revoked_at__isnull=False)
    revoked = list(rows.values_list("code_id", flat=True)[:MOST_AT_ONCE])
    return tuple(dict.fromkeys([*revoked, *closed_of(bot, MOST_AT_ONCE)]))
