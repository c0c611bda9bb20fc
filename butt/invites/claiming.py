"""Letting in somebody who came to an invite's page with their SSB id: a claim, as ssb-http-invite-spec calls it.

The pub decides and counts, in the same order as for those who use the code itself, and its feed records each
use. Nothing is written here, so a claim that is cut off anywhere can simply be repeated.

Source: https://github.com/ssbc/ssb-http-invite-spec
"""

import logging
from enum import Enum
from typing import Final
from urllib.parse import quote

from django.utils import timezone

from butt.agents.actions import Refused
from butt.agents.effective_state import effective_state, in_public
from butt.agents.models import Agent
from butt.agents.states import State
from butt.configuration import configuration
from butt.invites.invite_state import InviteState, invite_state
from butt.invites.kept_connections import kept_connections
from butt.invites.models import Invite
from scuttlekit import InvalidFormat, RemoteError, ScuttlebuttError
from scuttlekit.keys import decode_feed_id

log = logging.getLogger("butt.invites")


class Welcome(Enum):
    LET_IN = "let in"
    KNOWN = "known"
    """The pub already follows them, so no use was counted."""


_OVER: Final = {
    "spent": "This invite has been used. Ask the person who gave it to you for another.",
    "expired": "This invite has expired. Ask the person who gave it to you for another.",
    "revoked": "This invite was revoked. Ask the person who gave it to you for another.",
}


def join_url(token: str) -> str:
    """The public URL of an invite's page, where it is also claimed."""
    return f"{configuration().public_url}/join/{token}"


def claim_uri(token: str) -> str:
    """The link that opens an app, which then claims the invite."""
    return (
        f"ssb:experimental?action=claim-http-invite&invite={token}&postTo={quote(join_url(token), safe='')}"
    )


def claimable(token: str) -> Invite | None:
    """The invite with this page and its bot, in one query; None if there is no such page."""
    rows = Invite.objects.select_related("bot__wanted", "bot__progress", "bot__observed")
    return rows.exclude(offered_at=None).filter(in_public("bot__wanted"), token=token).first()


def state_without_uses(invite: Invite) -> InviteState:
    """The state of an invite for people whom the pub may already know: for them it does not matter if it is
    used up.
    """
    return invite_state(
        uses=invite.uses,
        used=0,
        revoked_at=invite.revoked_at,
        expires_at=invite.expires_at,
        now=timezone.now(),
    )


def claim(invite: Invite, ssb_id: str) -> Welcome:
    """Have the bot's pub follow this id. Claiming again changes nothing, and no use is counted twice.

    Raises `Refused`: `bad_id`, `blocked`, `over`, `no_answer`.
    """
    try:
        decode_feed_id(ssb_id)
    except InvalidFormat:
        raise Refused("bad_id", "This is not an SSB id. An id looks like @….ed25519.", "id") from None
    bot = invite.bot
    # The pub decides whether it is used up: people whom it already follows are welcome anyway.
    if (found := state_without_uses(invite)) is not InviteState.OPEN:
        raise Refused("over", _OVER[found])
    if (state := effective_state(bot)) is not State.ALIVE:
        raise Refused("no_answer", f"{bot.name} is #{state}. Please try again later.")
    outcome = _ask(bot, invite, ssb_id)
    if outcome == "blocked":
        raise Refused("blocked", f"{bot.name} has blocked you.")
    if outcome in _OVER:
        raise Refused("over", _OVER[outcome])
    try:
        return Welcome(outcome)
    except ValueError:
        # Its pub does not know the invite yet, or gives an answer that our pub never gives.
        log.warning("%s refused the claim of an invite: it says %.80r", bot.name, outcome)
        raise _no_answer(bot) from None


def _ask(bot: Agent, invite: Invite, ssb_id: str) -> str:
    try:
        answer = kept_connections.call(bot, "butt.claim", {"id": invite.code_id, "feed": ssb_id})
    except RemoteError as error:
        # It is catching up, or runs a release without claims.
        log.warning("%s refused the claim of an invite: %s", bot.name, error)
        raise Refused(
            "no_answer",
            f"{bot.name} cannot accept this link now. Please use the code on the page of the invite.",
        ) from None
    except ScuttlebuttError as error:
        log.warning("%s did not answer the claim of an invite: %s", bot.name, error)
        raise _no_answer(bot) from None
    return str(answer.get("outcome")) if isinstance(answer, dict) else ""


def _no_answer(bot: Agent) -> Refused:
    return Refused("no_answer", f"{bot.name} is not answering. Please try again in a moment.")
