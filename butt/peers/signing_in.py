"""Sign in with Scuttlebutt: a bot's pub passes a challenge to somebody's app, and the app's solution back.

The pub may be somebody's own program, so the service makes the challenge and checks the solution itself.

Source: https://github.com/ssb-ngi-pointer/ssb-http-auth-spec
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from butt.accounts.models import SsbId
from butt.agents.actions import Refused
from butt.agents.bots import bots
from butt.agents.effective_state import effective_state
from butt.agents.models import Agent
from butt.agents.states import State
from butt.invites.book import shows_itself
from butt.invites.kept_connections import address_of, kept_connections
from butt.peers.following import clean_feed
from scuttlekit import RemoteError, ScuttlebuttError
from scuttlekit.http_auth import is_challenge, is_solution, new_challenge, start_uri

log = logging.getLogger("butt.peers")

MOST_ASKED = 5
"""Through how many bots we look for an app that gave only its id."""

SECONDS = 300
"""How long a pub waits for a solution."""


class NoSignIn(Exception):
    """Why somebody cannot sign in with their app, in words for them."""

    def __init__(self, why: "Why", message: str) -> None:
        super().__init__(message)
        self.why, self.message = why, message


class Why(Enum):
    """The reasons by which a page decides what to show."""

    AWAY = auto()
    """The bot does not answer, but may do so later."""
    OLD = auto()
    """The bot's release does not support it."""
    EXPIRED = auto()
    """The challenge is no longer known."""
    INCOMPLETE = auto()
    """A link from an app lacks something."""
    NOT_CONFIRMED = auto()
    """No app confirmed it."""
    TOO_OFTEN = auto()


@dataclass(frozen=True)
class Request:
    """What an app puts into the page's URL: its SSB id, and a challenge of its own."""

    ssb_id: str
    challenge: str


def begin(bot: Agent) -> str:
    """A new challenge for which the bot's pub waits. Raises `NoSignIn`: `AWAY`, `OLD`."""
    challenge = new_challenge()
    _ask(bot, "butt.challenge", challenge)
    return challenge


def uri_of(bot: Agent, challenge: str) -> str:
    """The link that makes an app solve the challenge."""
    return start_uri(address_of(bot), challenge)


def proven(bot: Agent, challenge: str) -> str | None:
    """The SSB id whose app solved the challenge; None until then.

    Raises `NoSignIn`: `EXPIRED`, and what `begin` raises.
    """
    return _checked(bot, challenge, _ask(bot, "butt.solution", challenge))


async def is_solved(bot: Agent, challenge: str) -> bool:
    """Whether it was solved or is over: in both cases a page has something new to show. Makes no query."""
    try:
        return await kept_connections.ask(bot, "butt.solution", challenge) is not None
    except RemoteError:
        return True
    except ScuttlebuttError:
        return False


def requested(text_id: str, text_challenge: str) -> Request:
    """The request with which an app opened a page. Raises `NoSignIn` `INCOMPLETE`."""
    try:
        ssb_id = clean_feed(text_id)
    except Refused:
        ssb_id = ""
    if not ssb_id or not is_challenge(text_challenge):
        raise NoSignIn(
            Why.INCOMPLETE, "This link from your app is incomplete. Please sign in from your app again."
        )
    return Request(ssb_id, text_challenge)


def ask_the_app(request: Request) -> tuple[Agent, str]:
    """Have the app confirm that it opened a page. Returns the bot used for this, and the app's SSB id. Raises
    `NoSignIn` `NOT_CONFIRMED`.
    """
    for bot in _where_it_may_be(request.ssb_id):
        challenge = new_challenge()
        try:
            outcome = _ask(bot, "butt.requestSolution", request.ssb_id, challenge, request.challenge)
            found = proven(bot, challenge) if outcome == "solved" else None
        except NoSignIn:
            continue
        if found == request.ssb_id:
            return bot, found
    raise NoSignIn(
        Why.NOT_CONFIRMED,
        "Your app did not confirm this. Is it connected with your bot, or the room you are a member of? Please sign in "
        "from your app again.",
    )


def _where_it_may_be(ssb_id: str) -> Iterable[Agent]:
    """Bots through which this id's app may be reached: the one through which it opens an account, then those
    it joined.
    """
    opens = SsbId.objects.filter(ssb_id=ssb_id).values_list("bot_id", flat=True)
    yield from bots().filter(id__in=list(opens))
    came = bots().filter(shows_itself(), invites__used__ssb_id=ssb_id, observed__alive=True)
    yield from came.exclude(id__in=list(opens)).distinct().order_by("name")[:MOST_ASKED]


def _checked(bot: Agent, challenge: str, said: Any) -> str | None:
    if not isinstance(said, dict):
        return None
    ssb_id, app_challenge = said.get("id"), said.get("cc")
    sid = address_of(bot).key
    if not isinstance(ssb_id, str) or not isinstance(app_challenge, str):
        return None
    if not is_solution(sid, ssb_id, challenge, app_challenge, said.get("solution")):
        log.warning("%s reported a sign-in whose signature is not valid", bot.name)
        return None
    return ssb_id


def _ask(bot: Agent, name: str, *args: str) -> Any:
    if (state := effective_state(bot)) is not State.ALIVE:
        raise NoSignIn(Why.AWAY, f"{bot.name} is #{state}. Please try again later.")
    try:
        return kept_connections.call(bot, name, *args)
    except RemoteError as error:
        log.info("%s does not carry a sign-in: %s", bot.name, error)
        if error.is_not_allowed:
            raise NoSignIn(
                Why.OLD, f"The release that {bot.name} runs on cannot do this. Upgrade the bot first."
            ) from None
        raise NoSignIn(Why.EXPIRED, "This took too long. Please start again.") from None
    except ScuttlebuttError as error:
        log.warning("%s does not carry a sign-in: %s", bot.name, error)
        raise NoSignIn(Why.AWAY, f"{bot.name} is not answering. Please try again in a moment.") from None
