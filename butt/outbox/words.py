"""The words of all messages, by event. They are put together when a message is sent: its row contains only values."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from butt.configuration import configuration


@dataclass(frozen=True)
class Template:
    """`subject` and `text` have names of values in braces. A link follows the text.

    `can_be_turned_off` says whether people can switch off emails about it. `webhook` is the event's name in webhooks; if it
    is empty, webhooks are not told.
    """

    subject: str
    text: str
    can_be_turned_off: bool = False
    webhook: str = ""


OF_BOTS = {
    "down": Template(
        "{bot} is down",
        "{bot} has been down since {at}.\n\n{reason}\n\nWe keep trying. To see how it is, or to turn off these emails:",
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
        "{bot} has nearly filled its disk",
        (
            "{bot} may use {most} of disk, and has used {percent} % of it. When its disk is full, it removes blobs to make"
            " room, and accepts messages only from people it follows. To see what uses the disk, or to turn off these"
            " emails:"
        ),
        can_be_turned_off=True,
    ),
    "disk-full": Template(
        "{bot} has filled its disk",
        (
            "{bot} may use {most} of disk, and has used all of it. It now removes blobs to make room, and may accept"
            " messages only from people it follows. To see what uses the disk, or to turn off these emails:"
        ),
        can_be_turned_off=True,
    ),
    "traffic-nearly-full": Template(
        "{bot} has nearly used up its traffic for this month",
        (
            "{bot} may send and receive {most} a month, and has used {percent} % of that. When all of it is used, it serves"
            " only people it follows and those with an invite, with messages but without blobs and tunnels. The count"
            " starts again on {ends} (UTC). To see the figures, or to turn off these emails:"
        ),
        can_be_turned_off=True,
    ),
    "traffic-full": Template(
        "{bot} has used up its traffic for this month",
        (
            "{bot} may send and receive {most} a month, and has used all of it. It now serves only people it follows and"
            " those with an invite, with messages but without blobs and tunnels. The count starts again on {ends} (UTC)."
            " To see the figures, or to turn off these emails:"
        ),
        can_be_turned_off=True,
    ),
    "copy-failing": Template(
        "No copy of {bot} for three days",
        (
            "Your own copy of {bot} has failed for three days. The last copy that succeeded: {last}.\n\n{reason}\n\nTo"
            " change the place, or to stop the copies:"
        ),
    ),
    "leaving": Template(
        "You deleted {bot}",
        (
            "You deleted {bot}, and it has stopped. We keep its data until {until}. Until then you can restore the bot or"
            " export its data:"
        ),
    ),
    "gone-soon": Template(
        "{bot} will be gone in a day",
        (
            "You deleted {bot}. We remove its data on {until}. Until then you can restore the bot or export its data:"
        ),
    ),
}

OF_PAYMENTS = {
    "confirm": Template(
        "Please confirm your payment",
        (
            "Your bank wants you to confirm this payment. Your bots run until {stops}, then stop until you confirm it."
            " To confirm it:"
        ),
    ),
    "card-needed": Template(
        "Please enter a card",
        (
            "We have no card to charge for your bots. They run until {stops}, then stop until you pay. To enter a card:"
        ),
    ),
    "ended-there": Template(
        "Your subscription has ended",
        (
            "We ended your subscription, and nothing more is charged. Your bots run until {stops}, then stop. To keep"
            " them running, pay again:"
        ),
    ),
    "card-expires": Template(
        "Your card expires soon",
        "Your card expires before the next payment. To enter a new one:",
    ),
    "disputed": Template(
        "You disputed a payment",
        (
            "Your bank tells us that you dispute a payment for your bots, so we will not charge you again. Your bots run"
            " until the end of the time that is paid for, then stop. If this is a mistake, tell your bank, then keep"
            " paying here:"
        ),
    ),
    "refunded": Template(
        "We refunded a payment",
        "We refunded {amount} to your card. It may take your bank some days to show it.",
    ),
    "open": Template(
        "An invoice is unpaid",
        (
            "An invoice of {amount} was not paid. Your bots keep running, and your monthly payment goes on as before. To"
            " pay the invoice:"
        ),
    ),
    "payer-asked": Template(
        "Will you pay for {bot}?",
        (
            "{who} pays for {bot}, which you share, and wants to leave it. It would cost you {price} a month{tax}. Nothing"
            " is charged unless you agree. Until somebody agrees, {who} keeps paying, and nothing changes. To agree to"
            " pay:"
        ),
    ),
    "payer-wanted": Template(
        "Will you pay for {bot}?",
        (
            "Nobody pays for {bot}, which you share, any more. It would cost you {price} a month{tax}. Nothing is charged"
            " unless you agree. If nobody agrees, the bot runs until {stops}, then stops. To agree to pay:"
        ),
    ),
    "payer-reminder": Template(
        "{bot} stops on {stops}",
        (
            "Nobody has agreed to pay for {bot}, which you share. On {stops} it stops until somebody does. None of its data"
            " is lost. It would cost you {price} a month{tax}. To agree to pay:"
        ),
    ),
    "payer-none": Template(
        "{bot} has stopped",
        (
            "Nobody agreed to pay for {bot}, so it has stopped. We keep its data until {leaves}, and you can export it."
            " The bot runs again as soon as you or somebody else who shares it agrees to pay. It would cost you {price} a"
            " month{tax}. To agree to pay:"
        ),
    ),
    "payer-leaving": Template(
        "{bot} will be deleted on {leaves}",
        (
            "Nobody has agreed to pay for {bot}. On {leaves} it will be deleted. Export its data, or agree to pay, and it"
            " runs again. It would cost you {price} a month{tax}. To do either:"
        ),
    ),
    "payer-left": Template(
        "{bot} was deleted",
        (
            "Nobody agreed to pay for {bot}, so we deleted it. You can restore it within {keep} days. After that its data"
            " is removed."
        ),
    ),
    "payer-found": Template(
        "You left {bot}",
        "Somebody else now pays for {bot}. You have left it, as you asked, and no longer pay for it.",
    ),
    "failed": Template(
        "Your payment failed",
        "We could not charge your card. Your bots run until {stops}, then stop until you pay. To pay:",
    ),
    "reminder": Template(
        "Your bots stop on {stops}",
        (
            "Your payment is still due. On {stops} your bots stop until you pay. None of their data is lost. To pay:"
        ),
    ),
    "stopped": Template(
        "Your bots have stopped",
        (
            "Your payment failed, so your bots have stopped. We keep their data until {leaves}, and you can export it. As"
            " soon as you pay, your bots run again:"
        ),
    ),
    "ended": Template(
        "Your bots have stopped, as you asked",
        (
            "The time that you paid for is over, so your bots have stopped. We keep their data until {leaves}, and you can"
            " export it. As soon as you pay again, your bots run again:"
        ),
    ),
    "leaving-soon": Template(
        "Your bots will be deleted on {leaves}",
        (
            "Your bots are stopped because a payment is due. On {leaves} they will be deleted. Export their data, or pay,"
            " and they run again:"
        ),
    ),
    "left": Template(
        "Your bots were deleted",
        (
            "Nobody paid for your bots, so we deleted them. You can restore them within {keep} days. After that their data"
            " is removed."
        ),
    ),
    "back": Template(
        "Your bots are running again",
        "Thank you. Your payment arrived, and your bots are running again.",
    ),
    "paid": Template(
        "Thank you for your payment",
        "Your payment arrived. You do not need to do anything else.",
    ),
}

TEMPLATES: dict[str, Template] = {**OF_BOTS, **OF_PAYMENTS}


def written(event: str, values: Mapping[str, Any]) -> tuple[str, str]:
    """The subject and the text of an email."""
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
        return f"{datetime.fromisoformat(str(value)):%-d %B, %H:%M} UTC"
    if name == "last":
        return f"{datetime.fromisoformat(str(value)):%-d %B, %H:%M} UTC" if value else "none yet"
    if name == "ends":
        return f"{datetime.fromisoformat(str(value)):%-d %B}" if value else "the first of next month"
    if name in {"stops", "leaves"}:
        return f"{datetime.fromisoformat(str(value)):%-d %B}" if value else "soon"
    return value
