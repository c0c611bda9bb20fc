"""Leases on payers, so that only one process works on each. A lease is renewed before each attempt of each call to Stripe, so
it lasts as long as the work, and ends soon after its holder is killed.
"""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta

from django.db.models import Q

from butt.billing.interface import Busy
from butt.billing.models import Payer
from butt.leases import claim, due

log = logging.getLogger("butt.billing")

LEASE = timedelta(seconds=30)
"""Longer than one attempt of a call can take."""

AT_WORK = "We are checking your payment right now. Please try again in a moment."


_own: ContextVar[Payer | None] = ContextVar("own hold", default=None)
"""The row as it was claimed, besides the one that is worked on: it shows whether another process has claimed it since."""


@contextmanager
def leased(payer: Payer, patience: float = 0) -> Iterator[Payer]:
    """Hold the lease on this payer, with the row as it is now. Raises `Busy` if another process still holds it after `patience`
    seconds.
    """
    ends = time.monotonic() + patience
    while (hold := _take(payer)) is None:
        if time.monotonic() > ends:
            if patience:
                log.warning("%s: another process still had the lease after %s seconds", payer, patience)
            raise Busy(AT_WORK)
        time.sleep(0.05)
    before = _own.set(hold)
    try:
        payer.refresh_from_db()
        yield payer
    finally:
        _own.reset(before)
        claim(hold, "held_until", None)


def renew() -> None:
    """Renew the lease that is held here. Raises `Busy` if another process has it by now."""
    hold = _own.get()
    if hold and not claim(hold, "held_until", datetime.now(UTC) + LEASE):
        log.warning("payer %s: the lease was lost to another process", hold.pk)
        raise Busy(AT_WORK)


def _take(payer: Payer) -> Payer | None:
    """Uses the machine's own clock."""
    now = datetime.now(UTC)
    is_free = Q(held_until=None) | due("held_until", now, LEASE)
    hold = Payer.objects.filter(is_free, id=payer.id).only("held_until").first()
    return hold if hold and claim(hold, "held_until", now + LEASE) else None
