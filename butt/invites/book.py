"""The invites of a bot, as its owner and guests see them."""

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Prefetch, Q
from django.utils import timezone

from butt.agents.bots import bots
from butt.agents.effective_state import in_public
from butt.agents.models import Agent
from butt.agents.view import View
from butt.invites.claiming import claim_uri, join_url
from butt.invites.coming import Coming, coming
from butt.invites.invite_state import InviteState, invite_state
from butt.invites.kept_connections import address_of
from butt.invites.models import Invite, InviteUse, Listing
from scuttlekit import InviteCode as Code

MOST_SHOWN = 500
"""Only the newest are shown; an endless list is of no use."""

_SHORT = 9


@dataclass(frozen=True)
class InviteEntry:
    """One invite with those who joined with it. `bot` has its progress fetched."""

    invite: Invite
    bot: Agent
    used: list[InviteUse]
    now: datetime

    @property
    def left(self) -> int:
        return max(0, self.invite.uses - len(self.used))

    @property
    def guests(self) -> list[tuple[InviteUse, Coming]]:
        """The people who joined with it, and whether they arrived."""
        return [(use, coming(let_in_at=use.at, messages=use.messages, now=self.now)) for use in self.used]

    @property
    def state(self) -> InviteState:
        return invite_state(
            uses=self.invite.uses,
            used=len(self.used),
            revoked_at=self.invite.revoked_at,
            expires_at=self.invite.expires_at,
            now=self.now,
        )

    @property
    def is_open(self) -> bool:
        return self.state is InviteState.OPEN

    @property
    def code(self) -> str:
        """The code for an app. It follows the bot's address if that ever changes."""
        return Code(address_of(self.bot), bytes(self.invite.seed)).code

    @property
    def url(self) -> str:
        return join_url(self.invite.token)

    @property
    def claim_uri(self) -> str:
        """The link that opens an app, which then claims the invite."""
        return claim_uri(self.invite.token)


def entries(bot: Agent) -> list[InviteEntry]:
    """Its invites, the newest first."""
    return entries_of([bot])[bot.id]


def entries_of(some: Collection[Agent]) -> dict[uuid.UUID, list[InviteEntry]]:
    """The invites of several bots, in two queries."""
    now, found = timezone.now(), {bot.id: list[InviteEntry]() for bot in some}
    by_id = {bot.id: bot for bot in some}
    rows = Invite.objects.filter(bot__in=found).exclude(offered_at=None).order_by("-created_at", "id")
    rows = rows.prefetch_related(Prefetch("used", InviteUse.objects.order_by("sequence")))
    for row in rows:
        if len(found[row.bot_id]) < MOST_SHOWN:
            found[row.bot_id].append(InviteEntry(row, by_id[row.bot_id], list(row.used.all()), now))
    return found


def entry_by_token(token: str) -> InviteEntry | None:
    """The invite with this page, unless its bot is leaving or operators took its pages down."""
    rows = Invite.objects.select_related("bot__wanted", "bot__progress", "bot__observed")
    invite = rows.exclude(offered_at=None).filter(in_public("bot__wanted"), token=token).first()
    return InviteEntry(invite, invite.bot, list(invite.used.all()), timezone.now()) if invite else None


def short(ssb_id: str) -> str:
    """A feed id short enough to compare at a glance."""
    return f"{ssb_id[:_SHORT]}…"


def shows_itself() -> Q:
    """The condition for a bot's own page to exist."""
    return in_public() & ~Q(listing__public=False)


def public_bot(name: str) -> View | None:
    """The bot with this name, if it exists and has a public page."""
    found = bots().filter(shows_itself(), name=name.lower()).first()
    return View(found) if found else None


def listing_of(bot: Agent) -> Listing:
    """Whether the bot has a public page, and how many people it invites there."""
    return Listing.objects.filter(bot=bot).first() or Listing(bot=bot)


def set_public(bot: Agent, *, public: bool) -> None:
    Listing.objects.update_or_create(bot=bot, defaults={"public": public})
