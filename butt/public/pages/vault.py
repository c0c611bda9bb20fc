"""A bot whose data is gone, and restoring it from the vault."""

from dataclasses import dataclass
from datetime import datetime

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone

from butt.agents.bots import bot_by_name
from butt.agents.models import Agent
from butt.configuration import configuration
from butt.public.pages.person import for_person
from butt.public.pages.sorry import refusals_shown
from butt.vault.asking import ask_back, behind_for, copy_of, is_lost
from butt.vault.models import Vaulted

LATE = 60.0
"""Seconds until a page calls a copy behind: until then it is merely on its way."""


@dataclass(frozen=True)
class CopyView:
    """What a page shows of a bot's copy."""

    row: Vaulted
    now: datetime

    @property
    def is_lost(self) -> bool:
        return is_lost(self.row)

    @property
    def is_late(self) -> bool:
        return behind_for(self.row, self.now) > LATE

    @property
    def can_be_asked_for(self) -> bool:
        return self.is_lost and not self.row.back and bool(self.row.things and configuration().vault_opens)


def shown_copy(bot: Agent) -> CopyView | None:
    """None if the service has no vault, without a query."""
    if not configuration().vault:
        return None
    row = copy_of(bot)
    return CopyView(row, timezone.now()) if row else None


@for_person
def come_back(request: HttpRequest, person: Agent, name: str) -> HttpResponse:
    """A click that restores it. After signing in, people come here by GET, which does nothing."""
    bot = bot_by_name(person, name)
    if request.method == "POST":
        with refusals_shown(request):
            ask_back(person, bot)
    return redirect("bot", bot.name)
