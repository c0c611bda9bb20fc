"""A sign-in that waits for an app: it belongs to the browser and the purpose for which it was started.

The session keeps it, so a link that is passed on signs in no other browser.
"""

import time
import uuid
from dataclasses import dataclass
from enum import StrEnum

from django.http import HttpRequest

from butt.accounts.models import Account
from butt.agents.bots import bots
from butt.agents.models import Agent
from butt.limits.networks import network_of
from butt.limits.rates import Rate
from butt.limits.table import ADDRESS_SSB_SIGN_INS
from butt.peers import signing_in
from butt.peers.signing_in import NoSignIn, Why
from butt.public.addresses import address_of

_PENDING = "ssb_sign_in"
_begun = Rate(ADDRESS_SSB_SIGN_INS)


class Purpose(StrEnum):
    """What an SSB id is proven for."""

    ACCOUNT = "account"
    """To open an account."""
    ADD = "add"
    """To be added to the account of the person who is signed in."""
    MEMBER = "member"
    """To sign in as a member of the bot."""


@dataclass(frozen=True)
class Pending:
    """`challenge` is the service's own; `next` is one of our pages or empty."""

    bot: Agent
    challenge: str
    purpose: Purpose
    next: str


def begin(request: HttpRequest, bot: Agent, purpose: Purpose, target: str = "") -> None:
    """Make a challenge for this browser; an earlier one is forgotten.

    Raises `NoSignIn`: `TOO_OFTEN`, and what `signing_in.begin` raises.
    """
    check_rate(request)
    request.session[_PENDING] = {
        "bot": str(bot.id),
        "challenge": signing_in.begin(bot),
        "purpose": str(purpose),
        "person": _person_in(request),
        "next": target,
        "until": time.time() + signing_in.SECONDS,
    }


def pending_in(request: HttpRequest) -> Pending | None:
    """The sign-in that this browser waits for; None if it expired, or if another person is signed in by now."""
    kept = request.session.get(_PENDING)
    if not kept or kept["until"] < time.time():
        return None
    purpose = Purpose(kept["purpose"])
    if purpose is Purpose.ADD and kept["person"] != _person_in(request):
        return None
    bot = bots().filter(id=uuid.UUID(kept["bot"])).first()
    return Pending(bot, kept["challenge"], purpose, kept["next"]) if bot else None


def drop(request: HttpRequest) -> None:
    """Forget it, so that nobody can use it again."""
    del request.session[_PENDING]


def check_rate(request: HttpRequest) -> None:
    """Raises `NoSignIn` `TOO_OFTEN` for an address that starts sign-ins again and again."""
    if _begun.wait_of(f"address {network_of(address_of(request))}"):
        raise NoSignIn(Why.TOO_OFTEN, "Too many sign-in attempts. Please come back in a few minutes.")


def _person_in(request: HttpRequest) -> int:
    return request.user.id if isinstance(request.user, Account) else 0
