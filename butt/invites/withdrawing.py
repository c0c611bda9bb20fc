"""Which invites the pubs still have to forget: those revoked, those expired, and those whose making was cut off."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q

from butt.agents.models import Agent
from butt.invites.models import Invite
from butt.invites.retelling import closed_of

CUT_OFF = timedelta(seconds=60)
"""Whoever makes an invite has long been answered by then, or killed."""

MOST_AT_ONCE = 500


@dataclass(frozen=True)
class Withdrawal:
    invite_id: uuid.UUID
    bot_id: uuid.UUID
    code_id: str


def due(now: datetime) -> list[Withdrawal]:
    """What pubs that answer are to forget now. An expired one opens no door anyhow; clocks may differ, though."""
    unfinished = Invite.objects.filter(offered_at=None, revoked_at=None, created_at__lt=now - CUT_OFF)
    # First the mark, so that whoever was only slow does not finish it after it was withdrawn.
    unfinished.update(revoked_at=now, key=None)
    ended = Q(revoked_at__isnull=False) | Q(expires_at__lte=now)
    rows = Invite.objects.filter(ended, withdrawn_at=None, bot__observed__alive=True).order_by("created_at")
    return [Withdrawal(*row) for row in rows.values_list("id", "bot_id", "code_id")[:MOST_AT_ONCE]]


def done(withdrawals: Iterable[Withdrawal], now: datetime) -> None:
    """Note that their pubs know them no more. What nobody was ever shown is removed."""
    mine = Invite.objects.filter(id__in=[withdrawal.invite_id for withdrawal in withdrawals])
    mine.filter(offered_at=None).delete()
    mine.update(withdrawn_at=now)


def revoked_of(bot: Agent) -> tuple[str, ...]:
    """The ids by which its pub may still know invites that were revoked, or are over and known to another release."""
    rows = Invite.objects.filter(bot=bot, withdrawn_at=None, revoked_at__isnull=False)
    revoked = list(rows.values_list("code_id", flat=True)[:MOST_AT_ONCE])
    return tuple(dict.fromkeys([*revoked, *closed_of(bot, MOST_AT_ONCE)]))
