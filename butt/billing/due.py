"""What follows from whether a person pays. Pure, no I/O: rows in, changes out."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from butt.billing.interface import Notice, PaymentStatus
from butt.billing.models import Payer

REMIND_BEFORE = timedelta(days=3)
ENDED_BY_OPERATORS = frozenset({"cancellation_requested", "payment_disputed"})
"""Stripe's reasons for a subscription that was ended there."""


@dataclass(frozen=True)
class Verdict:
    """The new `due_since` and `stopped_at`, whether bots leave, and the letters that are due, each with the start of its debt."""

    due_since: datetime | None
    stopped_at: datetime | None
    leaves: bool
    letters: tuple[tuple[str, datetime], ...]


def judge(payer: Payer, now: datetime) -> Verdict:
    """Call it only after Stripe has just been asked: when Stripe does not answer, that is not a debt."""
    since, stopped = payer.due_since, payer.stopped_at
    letters: list[tuple[str, datetime]] = []
    if payer.is_covered:
        if since and payer.is_paid:
            letters.append(("back" if stopped else "paid", since))
        if payer.is_paid and payer.period_end and _expires_before(payer, payer.period_end):
            letters.append(("card-expires", datetime.combine(payer.card_expires or now, time(), UTC)))
        return Verdict(None, None, leaves=False, letters=tuple(letters))
    payer.due_since = since = since or now
    stops_at = since if payer.cancels else payer.stops_at or now
    if stopped is None and now >= stops_at:
        stopped = now
    payer.stopped_at = stopped
    leaves_at = payer.leaves_at
    leaves = leaves_at is not None and now >= leaves_at
    if stopped is None:
        letters.append((_first(payer), since))
        if now >= stops_at - REMIND_BEFORE:
            letters.append(("reminder", since))
    else:
        letters.append(("ended" if payer.cancels else "stopped", since))
        if leaves_at is not None and now >= leaves_at - REMIND_BEFORE:
            letters.append(("leaving-soon", since))
        if leaves:
            letters.append(("left", since))
    return Verdict(since, stopped, leaves, tuple(letters))


def _expires_before(payer: Payer, charge: datetime) -> bool:
    """Whether the card will have expired when it is next charged."""
    return payer.card_expires is not None and not payer.cancels and payer.card_expires <= charge.date()


def _first(payer: Payer) -> str:
    """The letter about a debt that begins, depending on its cause."""
    if payer.confirms:
        return "confirm"
    if payer.subscription:
        return "failed"
    if payer.ended_there in ENDED_BY_OPERATORS:
        return "ended-there"
    return "failed" if payer.trouble or payer.ended_there == "payment_failed" else "card-needed"


def notice(payer: Payer) -> Notice | None:
    if payer.stopped_at:
        return Notice(PaymentStatus.STOPPED, payer.leaves_at, payer.trouble, _first(payer))
    if payer.due_since:
        return Notice(PaymentStatus.DUE, payer.stops_at, payer.trouble, _first(payer))
    return None
