"""How far a bot's feed has come: believed only with a signed message of that feed as proof.

A number once believed can never be taken back: a bot whose log is behind it does not start. So a program's
word alone does not count, and nothing counts while new code is on trial, as the bot may have to go back.
"""

from typing import TYPE_CHECKING, Any

from butt.agents.models import Progress
from butt.agents.states import SHOULD_ANSWER
from scuttlekit import ScuttlebuttError
from scuttlekit.messages import verify

if TYPE_CHECKING:
    from django.db.models import QuerySet


def shown(message: Any, ssb_id: str | None) -> int:
    """The sequence of a message of this feed, as parsed by `scuttlekit.canonical`; 0 for anything else."""
    try:
        verified = verify(message)
    except ScuttlebuttError:
        return 0
    return verified.sequence if verified.author == ssb_id else 0


def is_proven(progress: Progress) -> bool:
    """Whether the code that the bot runs, or last ran, is not on trial."""
    return not progress.previous


def proven() -> "QuerySet[Progress]":
    """The bots that should answer, on proven code. A bot that is going back to earlier code is stopping and
    not among them, so what it said on the new code does not count either.
    """
    return Progress.objects.filter(previous="", state__in=SHOULD_ANSWER)
