"""Bots whose owners want them to publish their address, in a message that apps and other pubs use to connect."""

import uuid
from dataclasses import dataclass

from django.db.models import F

from butt.agents.models import Agent
from butt.peers.models import Announced


@dataclass(frozen=True)
class PubAnnouncement:
    """A bot that should announce this host and port."""

    bot_id: uuid.UUID
    host: str
    port: int


def pending() -> list[PubAnnouncement]:
    """Bots that answer and should be announced, but whose feed gives another address, or none yet."""
    bots = Agent.objects.filter(wanted__announced=True, observed__alive=True, progress__port__isnull=False)
    same = {"said_where__host": F("progress__address"), "said_where__port": F("progress__port")}
    rows = bots.exclude(**same).values_list("id", "progress__address", "progress__port")
    return [PubAnnouncement(bot_id, host, port) for bot_id, host, port in rows if port]


def told(announcement: PubAnnouncement, sequence: int) -> None:
    """Record that message `sequence` of its feed says so."""
    if not Agent.objects.filter(id=announcement.bot_id).exists():
        return
    said = {"host": announcement.host, "port": announcement.port, "sequence": sequence}
    Announced.objects.update_or_create(bot_id=announcement.bot_id, defaults=said)


def is_said(bot: Agent) -> bool:
    """Whether its feed gives its current address."""
    place = {"host": bot.progress.address, "port": bot.progress.port}
    return Announced.objects.filter(bot=bot, **place).exists()
