"""E-mails about payments: each at most once for each debt. Its mark is set before it goes."""

from datetime import datetime

from butt.accounts.mailing import write_to
from butt.accounts.models import Account
from butt.agents.models import Agent
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
        "We have no card to charge for your bots. They run on until {stops}; then they stop until it is paid.",
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
    "open": (
        "An invoice is open",
        (
            "An invoice of {amount} was not paid. Your monthly payment goes on, and your bots run. You can pay the invoice"
            " here:"
        ),
    ),
    "payer-asked": (
        "Will you pay for {bot}?",
        (
            "{who} pays for {bot}, which you share, and wants to leave it. For you it costs {price} a month{tax}. If you say yes on"
            " the page below, you pay for it from then on. Nothing is charged without your yes. Until somebody says yes, they pay"
            " on, and nothing changes."
        ),
    ),
    "payer-wanted": (
        "Will you pay for {bot}?",
        (
            "Whoever paid for {bot}, which you share, does not pay for it any more. For you it costs {price} a month{tax}. If you"
            " say yes on the page below, you pay for it from then on. Nothing is charged without your yes. If nobody says yes, the"
            " bot runs on until {stops}, and then stops."
        ),
    ),
    "payer-reminder": (
        "{bot} stops on {stops}",
        (
            "Nobody has agreed to pay for {bot}, which you share. On {stops} it stops, until somebody agrees on the page below. For"
            " you it costs {price} a month{tax}. Nothing of it is lost."
        ),
    ),
    "payer-none": (
        "{bot} has stopped",
        (
            "Nobody agreed to pay for {bot}, so it has stopped. We keep its data until {leaves}, and you can take it with you. As"
            " soon as you or somebody else who shares it agrees to pay, it runs again. For you it costs {price} a month{tax}."
        ),
    ),
    "payer-leaving": (
        "{bot} leaves on {leaves}",
        (
            "Nobody has agreed to pay for {bot}. On {leaves} it leaves: take its data with you, or agree to pay on the page below,"
            " and it runs again. For you it costs {price} a month{tax}."
        ),
    ),
    "payer-left": (
        "{bot} is leaving",
        (
            "Nobody agreed to pay for {bot}, so it leaves now. For {keep} days you can still restore it; then its data is"
            " removed."
        ),
    ),
    "payer-found": (
        "You left {bot}",
        "Somebody else now pays for {bot}. You have left it, as you asked, and no longer pay for it.",
    ),
    "failed": (
        "Your payment failed",
        "We could not charge your card. Your bots run until {stops}, then stop until you pay.",
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
        "Your bots will be deleted on {leaves}",
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
    "paid": ("Thank you: it is paid", "Your payment came through. There is nothing more to do."),
}


def send(
    payer: Payer, kind: str, since: datetime, now: datetime, about: Agent | str = "", **more: str
) -> bool:
    """Send it unless that was done; whether there is nothing left to do. When mail does not go now, the next look tries again.

    `about` is the bot or the invoice that it is of, where there may be several at the same time.
    """
    key = str(about.id) if isinstance(about, Agent) else about
    letter, _ = Letter.objects.get_or_create(payer=payer, kind=kind, since=since, about=key)
    if not Letter.objects.filter(id=letter.id, sent_at=None).update(sent_at=now):
        return True
    account = Account.objects.filter(agent=payer.person_id, is_active=True).first()
    if account is None:
        return True
    if isinstance(about, Agent):
        more.setdefault("link", f"{configuration().public_url}/bots/{about.name}/people")
    if write_to([account.email], *written(payer, kind, **more)):
        return True
    Letter.objects.filter(id=letter.id).update(sent_at=None)
    return False


def written(payer: Payer, kind: str, **more: str) -> tuple[str, str]:
    settings = configuration()
    subject, text = WORDS[kind]
    said = {
        "stops": day(payer.stops_at),
        "leaves": day(payer.leaves_at),
        "keep": settings.keep_days,
        "link": f"{settings.public_url}/billing",
        **more,
    }
    return subject.format(**said), f"{text.format(**said)}\n\n{said['link']}\n"


def day(at: datetime | None) -> str:
    return f"{at:%d %B}" if at else "soon"
