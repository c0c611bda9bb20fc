"""The words of all messages, by event. They are put together when a message is sent: its row contains only values."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from butt.configuration import configuration


@dataclass(frozen=True)
class Template:
    """`subject` and `text` have names of values in braces. A link follows the text.

    `can_be_turned_off` says whether people can switch off e-mails about it. `webhook` is the event's name in webhooks; if it
    is empty, webhooks are not told.
    """

    subject: str
    text: str
    can_be_turned_off: bool = False
    webhook: str = ""


OF_BOTS = {
    "down": Template(
        "{bot} is down",
        "{bot} has been down since {at}.\n\n{reason}\n\nWe keep trying. To see how it is, or to turn off these e-mails:",
        can_be_turned_off=True,
        webhook="bot.down",
    ),
    "up": Template(
        "{bot} is back",
        "{bot} has been answering again since {at}.",
        can_be_turned_off=True,
        webhook="bot.up",
    ),
    "disk-nearly-full": Template(
        "{bot} has nearly used up its disk",
        (
            "{bot} may take {most} of disk, and {percent} % of that is used. When it is full, it removes blobs to make room, and"
            " takes messages only of whom it follows. See what uses the disk, or turn off these e-mails:"
        ),
        can_be_turned_off=True,
    ),
    "disk-full": Template(
        "{bot} has used up its disk",
        (
            "{bot} may take {most} of disk, and that is used up. It removes blobs to make room for others, and may take messages"
            " only of whom it follows. See what uses the disk, or turn off these e-mails:"
        ),
        can_be_turned_off=True,
    ),
    "traffic-nearly-full": Template(
        "{bot} has nearly used up its traffic of this month",
        (
            "{bot} may send and receive {most} a month, and {percent} % of that is used. When all of it is used, it serves only"
            " its members and those with an invite, with messages but without blobs and tunnels. The count begins anew on {ends}"
            " (UTC). See the figures, or turn off these e-mails:"
        ),
        can_be_turned_off=True,
    ),
    "traffic-full": Template(
        "{bot} has used up its traffic of this month",
        (
            "{bot} may send and receive {most} a month, and that is used up. Now it serves only its members and those with an"
            " invite, with messages but without blobs and tunnels. The count begins anew on {ends} (UTC). See the figures, or"
            " turn off these e-mails:"
        ),
        can_be_turned_off=True,
    ),
    "copy-failing": Template(
        "No copy of {bot} for three days",
        (
            "Your own copy of {bot} has failed for three days. The last one that worked: {last}.\n\n{reason}\n\nChange the"
            " place, or end the copies:"
        ),
    ),
    "leaving": Template(
        "{bot} is leaving",
        (
            "You deleted {bot}: it has stopped. We keep its data until {until}. Until then you can restore it, or export what is"
            " yours:"
        ),
    ),
    "gone-soon": Template(
        "{bot} is gone in a day",
        (
            "You deleted {bot}. Its data will be removed in a day. We keep its data until {until}. Until then you can restore it,"
            " or export what is yours:"
        ),
    ),
}

OF_PAYMENTS = {
    "confirm": Template(
        "Please confirm your payment",
        (
            "Your bank wants you to confirm this payment yourself. Please do that on the page below. Your bots run on"
            " until {stops}; then they stop until it is confirmed."
        ),
    ),
    "card-needed": Template(
        "Please enter a card",
        (
            "We have no card to charge for your bots. They run on until {stops}; then they stop until it is paid."
        ),
    ),
    "ended-there": Template(
        "Your payment was ended",
        (
            "We ended your monthly payment, and nothing more is charged. Your bots run on until {stops}; then they"
            " stop. To keep them, please pay again."
        ),
    ),
    "card-expires": Template(
        "Your card expires soon",
        "The card that you pay with expires before the next payment. Please enter a new one.",
    ),
    "disputed": Template(
        "You disputed a payment",
        (
            "Your bank tells us that you do not agree with a payment for your bots. So we do not charge you again:"
            " your bots run on to the end of the time that is paid, and then stop. If it was a mistake, tell your"
            " bank, and go on paying on the page below."
        ),
    ),
    "refunded": Template(
        "We paid you back",
        "We paid {amount} back to your card. It takes your bank some days to show it.",
    ),
    "open": Template(
        "An invoice is open",
        (
            "An invoice of {amount} was not paid. Your monthly payment goes on, and your bots run. You can pay the"
            " invoice here:"
        ),
    ),
    "payer-asked": Template(
        "Will you pay for {bot}?",
        (
            "{who} pays for {bot}, which you share, and wants to leave it. For you it costs {price} a month{tax}. If"
            " you say yes on the page below, you pay for it from then on. Nothing is charged without your yes. Until"
            " somebody says yes, they pay on, and nothing changes."
        ),
    ),
    "payer-wanted": Template(
        "Will you pay for {bot}?",
        (
            "Whoever paid for {bot}, which you share, does not pay for it any more. For you it costs {price} a"
            " month{tax}. If you say yes on the page below, you pay for it from then on. Nothing is charged without"
            " your yes. If nobody says yes, the bot runs on until {stops}, and then stops."
        ),
    ),
    "payer-reminder": Template(
        "{bot} stops on {stops}",
        (
            "Nobody has agreed to pay for {bot}, which you share. On {stops} it stops, until somebody agrees on the"
            " page below. For you it costs {price} a month{tax}. Nothing of it is lost."
        ),
    ),
    "payer-none": Template(
        "{bot} has stopped",
        (
            "Nobody agreed to pay for {bot}, so it has stopped. We keep its data until {leaves}, and you can take it"
            " with you. As soon as you or somebody else who shares it agrees to pay, it runs again. For you it costs"
            " {price} a month{tax}."
        ),
    ),
    "payer-leaving": Template(
        "{bot} leaves on {leaves}",
        (
            "Nobody has agreed to pay for {bot}. On {leaves} it leaves: take its data with you, or agree to pay on"
            " the page below, and it runs again. For you it costs {price} a month{tax}."
        ),
    ),
    "payer-left": Template(
        "{bot} is leaving",
        (
            "Nobody agreed to pay for {bot}, so it leaves now. For {keep} days you can still restore it; then its"
            " data is removed."
        ),
    ),
    "payer-found": Template(
        "You left {bot}",
        "Somebody else now pays for {bot}. You have left it, as you asked, and no longer pay for it.",
    ),
    "failed": Template(
        "Your payment failed",
        "We could not charge your card. Your bots run until {stops}, then stop until you pay.",
    ),
    "reminder": Template(
        "Your bots stop on {stops}",
        ("Your payment is still due. On {stops} your bots stop, until it is paid. Nothing of them is lost."),
    ),
    "stopped": Template(
        "Your bots have stopped",
        (
            "Your payment did not come through, so your bots have stopped. Their data is kept until {leaves}, and you"
            " can take it with you. As soon as you pay, they run again by themselves."
        ),
    ),
    "ended": Template(
        "Your bots have stopped, as you asked",
        (
            "The time you paid for is over, so your bots have stopped. Their data is kept until {leaves}, and you can"
            " take it with you. If you pay again, they run again by themselves."
        ),
    ),
    "leaving-soon": Template(
        "Your bots will be deleted on {leaves}",
        (
            "Your bots have been stopped for long. On {leaves} they leave: take their data with you, or pay, and they"
            " run again by themselves."
        ),
    ),
    "left": Template(
        "Your bots are leaving",
        (
            "Your bots were not paid for, so they leave now. For {keep} days you can still restore them; then their"
            " data is removed."
        ),
    ),
    "back": Template(
        "Your bots are back",
        "Thank you: it is paid, and your bots run again.",
    ),
    "paid": Template(
        "Thank you: it is paid",
        "Your payment came through. There is nothing more to do.",
    ),
}

TEMPLATES: dict[str, Template] = {**OF_BOTS, **OF_PAYMENTS}


def written(event: str, values: Mapping[str, Any]) -> tuple[str, str]:
    """The subject and the text of an e-mail."""
    words = TEMPLATES[event]
    said = {
        "keep": configuration().keep_days,
        **{name: _shown(name, value) for name, value in values.items()},
    }
    return words.subject.format(**said), f"{words.text.format(**said)}\n\n{link_of(values)}\n"


def link_of(values: Mapping[str, Any]) -> str:
    """The URL of the page to look at, ours or somebody else's."""
    link = str(values["link"])
    return f"{configuration().public_url}{link}" if link.startswith("/") else link


def _shown(name: str, value: object) -> object:
    if name in {"at", "until"}:
        return f"{datetime.fromisoformat(str(value)):%d %B, %H:%M} UTC"
    if name == "last":
        return f"{datetime.fromisoformat(str(value)):%d %B, %H:%M} UTC" if value else "none yet"
    if name == "ends":
        return f"{datetime.fromisoformat(str(value)):%-d %B}" if value else "the first of next month"
    if name in {"stops", "leaves"}:
        return f"{datetime.fromisoformat(str(value)):%d %B}" if value else "soon"
    return value
