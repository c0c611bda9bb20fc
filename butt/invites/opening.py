"""The invites that a bot's open page offers to anybody, a limited number each day.

There is one invite for each day, with that many uses. Everybody is shown the same one, so looking at it, or
asking for it without an SSB id, takes nothing from others. It is made when somebody first asks for it.
"""

import uuid
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from django.db.models import QuerySet
from django.utils import timezone

from butt.agents import journal
from butt.agents.actions import Refused
from butt.agents.models import Agent
from butt.configuration import configuration
from butt.invites.making import create, revoke
from butt.invites.models import Invite, InviteUse, Listing

MOST_A_DAY: Final = 100
OPEN_PAGE: Final = "open page"
_KEYS: Final = uuid.UUID("6d2b0a52-5a0e-4a2e-9a5c-5a7f0c7c8b11")
"""With a bot and a day, this makes the key of that day's invite, so that it is made only once."""


def invites_a_day(bot: Agent) -> int:
    """How many people a day may come in by its open page; 0 if it invites nobody or is hidden."""
    return Listing.objects.filter(bot=bot, public=True).values_list("invites_a_day", flat=True).first() or 0


def set_invites_a_day(person: Agent, bot: Agent, count: int) -> None:
    """Set how many may come; today's invite is revoked if the number changes. Raises `Refused` `bad_count`."""
    if not 0 <= count <= MOST_A_DAY:
        raise Refused("bad_count", f"An open page invites 0 to {MOST_A_DAY} people a day.", "aDay")
    listing, _ = Listing.objects.get_or_create(bot=bot)
    if listing.invites_a_day == count:
        return
    Listing.objects.filter(bot=bot).update(invites_a_day=count)
    journal.note(bot, person, "open", invites_a_day=count)
    for invite in _of(bot, _today()).filter(revoked_at=None).exclude(offered_at=None):
        revoke(person, bot, invite.id)


def open_page(bot: Agent) -> str:
    """The URL of its public page."""
    return f"{configuration().public_url}/@{bot.name}"


def left_today(bot: Agent) -> int:
    """How many more people may come today."""
    used = InviteUse.objects.filter(invite__bot=bot, invite__opened_on=_today()).count()
    return max(0, invites_a_day(bot) - used)


def offer(bot: Agent) -> Invite:
    """Today's invite. Asking again returns the same one.

    Raises `Refused`: `none_left`, and what making an invite raises.
    """
    today, left = _today(), left_today(bot)
    open_one = _of(bot, today).filter(revoked_at=None).exclude(offered_at=None).first()
    if left and open_one is not None:
        return open_one
    if not left:
        raise Refused("none_left", "All of today's invites are used. Please come back tomorrow.")
    number = _of(bot, today).exclude(revoked_at=None).count()
    end = datetime.combine(today + timedelta(days=1), time(), UTC)
    return create(
        OPEN_PAGE,
        bot,
        f"{OPEN_PAGE}, {today:%-d %B %Y}",
        uses=left,
        expires_at=end,
        key=uuid.uuid5(_KEYS, f"{bot.id} {today} {number}"),
        opened_on=today,
    )


def _of(bot: Agent, day: date) -> QuerySet[Invite]:
    return Invite.objects.filter(bot=bot, opened_on=day)


def _today() -> date:
    return timezone.now().astimezone(UTC).date()
