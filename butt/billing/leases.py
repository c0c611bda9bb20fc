"""Being alone at work on a payer. A hold is renewed before each try of each call to Stripe, so it lasts as long as the work,
and ends soon after whoever had it was killed.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db.models import Q

from butt.agents.due import due
from butt.billing.interface import Busy
from butt.billing.models import Payer

LEASE = timedelta(seconds=30)
"""Longer than one try of a call can take."""

AT_WORK = "We are checking your payment right now. Please try again in half a minute."


@dataclass
class _Lease:
    """By the machine's own clock."""

    payer_id: int
    until: datetime


_own: ContextVar[_Lease | None] = ContextVar("own hold", default=None)


@contextmanager
def leased(payer: Payer, patience: float = 0) -> Iterator[Payer]:
    """Alone at work on this payer, with the row as it is now. Raises `Busy` when somebody else still is after
    `patience` seconds.
    """
    ends = time.monotonic() + patience
    while (hold := _take(payer)) is None:
        if time.monotonic() > ends:
            raise Busy(AT_WORK)
        time.sleep(0.05)
    before = _own.set(hold)
    try:
        payer.refresh_from_db()
        yield payer
    finally:
        _own.reset(before)
        Payer.objects.filter(id=payer.id, held_until=hold.until).update(held_until=None)


def renew() -> None:
    """Whoever holds a payer goes on with it. Raises `Busy` when somebody else has it by now."""
    hold = _own.get()
    if hold is None:
        return
    until = datetime.now(UTC) + LEASE
    if not Payer.objects.filter(id=hold.payer_id, held_until=hold.until).update(held_until=until):
        raise Busy(AT_WORK)
    hold.until = until


def _take(payer: Payer) -> _Lease | None:
    now = datetime.now(UTC)
    free = Payer.objects.filter(Q(held_until=None) | due("held_until", now, LEASE), id=payer.id)
    return _Lease(payer.id, now + LEASE) if free.update(held_until=now + LEASE) else None
