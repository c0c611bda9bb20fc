"""E-mails about payments: each at most once for each debt. Its mark is set before it goes."""

from datetime import datetime

from butt.accounts.mailing import write_to
from butt.accounts.models import Account
from butt.billing.models import Letter, Payer
from butt.configuration import configuration

WORDS = {
    "confirm": (
        "Please confirm your payment",
        (
            "Your bank wants you to confirm this payment yourself. Please do that on the page below. Your bots run on until"
            " {stops}; then they stop until it is confirmed."
        ),
    ),
    "card-needed": (
        "Please enter a card",
        "There is no card that we can charge for your bots. They run on until {stops}; then they stop until it is paid.",
    ),
    "ended-there": (
        "Your payment was ended",
        (
            "We ended your monthly payment, and nothing more is charged. Your bots run on until {stops}; then they stop. To keep"
            " them, please pay again."
        ),
    ),
    "card-expires": (
        "Your card expires soon",
        "The card that you pay with expires before the next payment. Please enter a new one.",
    ),
    "disputed": (
        "You disputed a payment",
        (
            "Your bank tells us that you do not agree with a payment for your bots. So we do not charge you again: your bots run"
            " on to the end of the time that is paid, and then stop. If it was a mistake, tell your bank, and go on paying on the"
            " page below."
        ),
    ),
    "refunded": (
        "We paid you back",
        "We paid {amount} back to your card. It takes your bank some days to show it.",
    ),
    "failed": (
        "Your payment failed",
        "We could not charge your card. Your bots run on until {stops}; then they stop until it is paid.",
    ),
    "reminder": (
        "Your bots stop on {stops}",
        "Your payment is still due. On {stops} your bots stop, until it is paid. Nothing of them is lost.",
    ),
    "stopped": (
        "Your bots have stopped",
        (
            "Your payment did not come through, so your bots have stopped. Their data is kept until {leaves}, and you"
            " can take it with you. As soon as you pay, they run again by themselves."
        ),
    ),
    "ended": (
        "Your bots have stopped, as you asked",
        (
            "The time you paid for is over, so your bots have stopped. Their data is kept until {leaves}, and you can take it"
            " with you. If you pay again, they run again by themselves."
        ),
    ),
    "leaving-soon": (
        "Your bots leave on {leaves}",
        (
            "Your bots have been stopped for long. On {leaves} they leave: take their data with you, or pay, and they run"
            " again by themselves."
        ),
    ),
    "left": (
        "Your bots are leaving",
        (
            "Your bots were not paid for, so they leave now. For {keep} days you can still restore them; then their data is"
            " removed."
        ),
    ),
    "back": ("Your bots are back", "Thank you: it is paid, and your bots run again."),
    "paid": ("Thank you: it is paid", "Your payment came through, and all is well."),
}


def send(payer: Payer, kind: str, since: datetime, now: datetime, **more: str) -> None:
    """Send it unless that was done. When mail does not go now, the next look tries again."""
    letter, _ = Letter.objects.get_or_create(payer=payer, kind=kind, since=since)
    if not Letter.objects.filter(id=letter.id, sent_at=None).update(sent_at=now):
        return
    account = Account.objects.filter(agent=payer.person_id, is_active=True).first()
    if account is None:
        return
    if not write_to([account.email], *written(payer, kind, **more)):
        Letter.objects.filter(id=letter.id).update(sent_at=None)


def written(payer: Payer, kind: str, **more: str) -> tuple[str, str]:
    settings = configuration()
    subject, text = WORDS[kind]
    dates = {
        "stops": _day(payer.stops_at),
        "leaves": _day(payer.leaves_at),
        "keep": settings.keep_days,
        **more,
    }
    link = f"{settings.public_url}/billing"
    return subject.format(**dates), f"{text.format(**dates)}\n\n{link}\n"


def _day(at: datetime | None) -> str:
    return f"{at:%d %B}" if at else "soon"
