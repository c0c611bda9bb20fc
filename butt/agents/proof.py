"""How far a bot's feed has come: believed only with a signed message of that feed which shows it.

A number that is believed can never be taken back: a bot whose log is behind it does not start. So no program's word counts
for one, and while new code is on trial, which may have to go back, nothing counts.
"""

from typing import TYPE_CHECKING, Any

from butt.agents.models import Progress
from butt.agents.states import SHOULD_ANSWER
from scuttlekit import ScuttlebuttError
from scuttlekit.messages import verify

if TYPE_CHECKING:
    from django.db.models import QuerySet


def shown(message: Any, ssb_id: str | None) -> int:
    """The sequence of a message of this feed, as `scuttlekit.canonical` parsed it; 0 for anything else."""
    try:
        verified = verify(message)
    except ScuttlebuttError:
        return 0
    return verified.sequence if verified.author == ssb_id else 0


def is_proven(progress: Progress) -> bool:
    """Whether the code that the bot runs, or ran last, is not on trial."""
    return not progress.previous


def proven() -> "QuerySet[Progress]":
    """The bots that may answer on proven code. One that goes back still stops; what it said before does not count either."""
    return Progress.objects.filter(previous="", state__in=SHOULD_ANSWER)
