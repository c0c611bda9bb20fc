"""Joining other pubs: the bot itself uses their invites, over the connection that the monitor keeps to it.

Asking only writes a row, and the result is written to the same row. If killed anywhere, the bot is told
again, which does no harm: a pub that already follows it lets it in, and the bot publishes nothing twice.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from butt.agents import journal
from butt.agents.actions import Refused, check_has
from butt.agents.models import Agent
from butt.agents.words import one_line, storable
from butt.peers.models import LONGEST_TROUBLE, OtherPub
from butt.services.interface import ServicePart
from scuttlekit import Address, InvalidFormat
from scuttlekit import InviteCode as Code

LONGEST = 400
"""In characters. No address or invite of a pub is longer."""

MOST = 100
"""The most other pubs that one bot is told to join."""

PATIENCE = timedelta(hours=1)
NOT_THERE = "The bot did not answer for an hour. Try again when it is #alive."


@dataclass(frozen=True)
class Joining:
    """A bot that should use this invite; or, if `code` is empty, connect with this address."""

    pub_id: uuid.UUID
    bot_id: uuid.UUID
    address: str
    code: str


def ask(person: Agent, bot: Agent, text: str) -> OtherPub:
    """Have the bot use another pub's invite, or connect with its address. Asking again has it try again.

    Raises `Refused`: `bad_invite`, `bad_service`, `too_many`, `wrong_state`.
    """
    check_has(bot, ServicePart.JOINING)
    if bot.wanted.gone_at is not None:
        raise Refused("wrong_state", f"{bot.name} is #leaving and cannot join other pubs. Restore it first.")
    address, code = _read(text)
    if address.key == bot.progress.ssb_id:
        raise Refused(
            "bad_invite", "This is the bot's own invite. Paste the invite of another pub.", "invite"
        )
    mine = OtherPub.objects.filter(bot=bot)
    with transaction.atomic():
        if not mine.filter(address=address.multiserver).exists() and mine.count() >= MOST:
            raise Refused("too_many", f"{bot.name} has joined {MOST} pubs, which is the maximum.")
        asked = {"code": code, "asked_at": timezone.now(), "done_at": None, "trouble": ""}
        row, _ = OtherPub.objects.update_or_create(bot=bot, address=address.multiserver, defaults=asked)
        journal.note(bot, person, "join", address=address.multiserver)
    return row


def joined_by(bot: Agent) -> list[OtherPub]:
    """The pubs that the bot was told to join, the latest first."""
    return list(OtherPub.objects.filter(bot=bot).order_by("-asked_at", "id"))


def due(now: datetime) -> list[Joining]:
    """What bots that answer should do now. What waited too long for its bot ends with an explanation."""
    waiting = OtherPub.objects.filter(done_at=None, trouble="")
    late = waiting.filter(asked_at__lt=now - PATIENCE)
    if late.exists():  # Usually there are none, and an update would block other writers.
        late.update(trouble=NOT_THERE, code="")
    rows = waiting.filter(bot__observed__alive=True).order_by("asked_at")
    return [Joining(*row) for row in rows.values_list("id", "bot_id", "address", "code")]


def ended(joining: Joining, trouble: str, now: datetime) -> None:
    """Record the result: `trouble` is the bot's explanation of why it failed, empty if it worked."""
    # Somebody who pasted another invite meanwhile wants that one tried.
    row = OtherPub.objects.filter(id=joining.pub_id, code=joining.code, done_at=None)
    words = one_line(storable(trouble))[:LONGEST_TROUBLE]
    row.update(code="", **({"trouble": words} if words else {"done_at": now}))


def _read(text: str) -> tuple[Address, str]:
    text = text.strip()
    if len(text) <= LONGEST:
        try:
            invite = Code.parse(text)
        except InvalidFormat:
            pass
        else:
            # In our own form: what a person pasted after it is not kept.
            return invite.address, invite.code
        try:
            return Address.parse(text), ""
        except InvalidFormat:
            pass
    raise Refused(
        "bad_invite",
        "This is not a pub's invite or address. An invite looks like host:port:@….ed25519~…, an address like net:host:port~shs:….",
        "invite",
    )
