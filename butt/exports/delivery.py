"""What a person receives of their bot: checked, recorded in the journal, and named as `docs/api.md` says."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import chain

from django.utils import timezone

from butt.agents import journal
from butt.agents.actions import Refused
from butt.agents.models import Agent
from butt.exports.age import BadRecipient, Recipient, encrypted
from butt.exports.bundle import ExportBundle, ExportPart, Item
from butt.exports.tar import entry_size, exactly, packed

FORK = (
    "Anybody with the secret can publish as the bot. Run the identity in one place only: while it runs here, do not "
    "start it elsewhere. Two programs that write one feed fork it for ever, and no app can repair that."
)

_README = """\
This is all the data of {name}, a Secure Scuttlebutt {service}: {id}

It is a data folder like that of ssb-server: unpack it, and start a server on it.

STOP THE OLD ONE FIRST, for good. {fork}

Its own newest message in here is number {sequence}. If the bot published more after this was made, let the new one
fetch its own messages from its friends before it publishes anything.
"""


@dataclass(eq=False)
class Delivery:
    """A file for a person: `chunks` are its bytes, `size` of them."""

    name: str
    size: int
    chunks: Iterator[bytes]


def deliver(
    person: Agent, bot: Agent, part: ExportPart, bundle: ExportBundle, *, way: str, encrypt_to: str = ""
) -> Delivery:
    """`bundle` as a file for `person`; `way` says for the journal how they asked for it.

    `encrypt_to` is an age key or a passphrase; without it, the file is not encrypted. Raises `Refused`: `nothing_yet`,
    `secret_damaged`, `log_damaged`, `log_behind`, `bad_recipient`.
    """
    _check(bot, part, bundle)
    delivery = _TARS[part](bot, bundle) if part in _TARS else _file(bundle)
    if encrypt_to:
        delivery = _sealed(delivery, encrypt_to)
    journal.note(bot, person, "export", part=part, way=way, bytes=delivery.size, encrypted=bool(encrypt_to))
    return delivery


def _check(bot: Agent, part: ExportPart, bundle: ExportBundle) -> None:
    own = bot.progress.ssb_id
    if part.speaks_as_the_bot and own is None:
        raise Refused("nothing_yet", f"{bot.name} has no secret yet. It makes one when it first starts.")
    if (part is ExportPart.SECRET and not bundle.count) or (part is ExportPart.ALL and bundle.author != own):
        raise Refused(
            "secret_damaged",
            "The secret is missing, damaged or not this bot's: nobody could run the bot with it. The log and blobs can be "
            "exported.",
        )
    survey = bundle.survey
    if survey is None:
        return
    if survey.damaged:
        raise Refused(
            "log_damaged",
            f"The log is damaged after message {survey.records}, at byte {survey.whole}, so it cannot be exported "
            "whole. The secret, gossip and blobs can.",
        )
    known = bot.observed.sequence
    if bundle.author == own and survey.sequence < known:
        raise Refused(
            "log_behind",
            f"The log ends at message {survey.sequence} of the bot's own feed, which has reached {known}. Running "
            "this anywhere would fork the feed. The secret, gossip and blobs can be exported.",
        )


def _file(bundle: ExportBundle) -> Delivery:
    (item,) = bundle.items
    return Delivery(item.name.rsplit("/", 1)[-1], item.size, exactly(item.read(), item.size))


def _blobs(_: Agent, bundle: ExportBundle) -> Delivery:
    return _tar("blobs.tar", bundle)


def _all(bot: Agent, bundle: ExportBundle) -> Delivery:
    """Besides the data folder's own files, two that describe it: one for people, one for programs."""
    survey = bundle.survey
    sequence = survey.sequence if survey else 0
    described = {
        "format": 1,
        "service": bot.service,
        "network": bot.wanted.network,
        "name": bot.name,
        "id": bot.progress.ssb_id,
        "sequence": sequence,
        "messages": survey.records if survey else 0,
        "log": survey.whole if survey else 0,
        "blobs": {"count": bundle.blobs, "size": bundle.blobs_size},
        "madeAt": timezone.now().isoformat(timespec="seconds"),
    }
    readme = _README.format(
        name=bot.name, service=bot.service, id=bot.progress.ssb_id, sequence=sequence, fork=FORK
    )
    return _tar(
        f"{bot.name}.tar",
        bundle,
        _text("README.txt", readme),
        _text("export.json", json.dumps(described, indent=2) + "\n"),
    )


_TARS = {ExportPart.BLOBS: _blobs, ExportPart.ALL: _all}


def _tar(name: str, bundle: ExportBundle, *beside: Item) -> Delivery:
    size = bundle.tar_size + sum(entry_size(item.size) for item in beside)
    return Delivery(name, size, packed(chain(beside, bundle.items), size, int(time.time())))


def _sealed(delivery: Delivery, encrypt_to: str) -> Delivery:
    try:
        recipient = Recipient.parse(encrypt_to)
    except BadRecipient as bad:
        raise Refused("bad_recipient", str(bad), "encrypt") from None
    size, chunks = encrypted(delivery.chunks, delivery.size, recipient)
    return Delivery(f"{delivery.name}.age", size, chunks)


def _text(name: str, text: str) -> Item:
    data = text.encode()
    return Item(name, len(data), partial(iter, [data]))
