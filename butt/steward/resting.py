"""When the steward looks again at a bot at rest: the more bots there are, the later."""

import random
import time
from datetime import UTC, datetime, timedelta

from butt.agents import limits
from butt.agents.models import Agent, Progress
from butt.agents.states import State
from butt.hosts import Settled, Sighting
from butt.steward.situation import RESTING, Effect, Transition

RESTS_A_SECOND = 0.1
"""How many bots at rest are looked at in a second, however many there are: the monitor or the machine reports
what happens to one.
"""

LONGEST_REST = timedelta(hours=2)
COUNT_EVERY = 60.0
MOST_AT_ONCE, LONGEST_WAIT = 20, timedelta(minutes=1)
"""How many bots a round looks at. About so many at rest come due at the same moment, as it costs hardly more with them than with
one. None waits longer for the others.
"""
FURTHEST = 1.5 * LONGEST_REST + LONGEST_WAIT
"""No bot rests for longer than this."""

_BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)


AT_REST = frozenset({State.ALIVE, State.STOPPED, State.UNPAID})


def may_pass_by(bot: Agent, seen: Sighting) -> bool:
    """Whether the bot is at rest, and nothing that was seen of it is to be noted."""
    progress = bot.progress
    return (
        progress.state in AT_REST
        and not (progress.previous or progress.deadline or progress.trial_ends or bot.observed.catching_up)
        and bot.wanted.upgrades <= progress.upgrades
        and seen.latest is None
        and (not seen.ssb_id or bool(progress.ssb_id))
    )


def goes_on(bot: Agent, seen: Sighting, move: Transition) -> bool:
    """Whether the move that was decided on changes nothing, in our rows or at the host: most looks at a bot end so."""
    progress = bot.progress
    if move != Transition(State(progress.state), progress.reason, move.effect, RESTING):
        return False
    if move.effect is Effect.NOTHING:
        return True
    here = Settled(progress.launch, limits.effective(bot.wanted.limits).get("disk", 0))
    return move.effect is Effect.RUN and seen.settled() == here


class Rests:
    """Counts the bots once a minute."""

    def __init__(self) -> None:
        self._count, self._counted = 0, -COUNT_EVERY

    def end(self, now: datetime) -> datetime:
        """The end of a rest that begins `now`."""
        if time.monotonic() - self._counted >= COUNT_EVERY:
            self._count, self._counted = Progress.objects.count(), time.monotonic()
        few = average(self._count) == RESTING
        return now + RESTING if few else end(now, self._count)


def end(now: datetime, count: int) -> datetime:
    """The end of the rest of one of `count` bots."""
    # Spread bots that began together, so that they do not come due together ever after.
    return with_others(now + average(count) * random.uniform(0.5, 1.5), count)  # nosec B311 # noqa: S311


def with_others(at: datetime, count: int) -> datetime:
    """The next moment from `at` on at which some of `count` bots come due together."""
    step = min(average(count) * MOST_AT_ONCE / count, LONGEST_WAIT)
    return at + (_BEGINNING - at) % step


def average(count: int) -> timedelta:
    """How long each of `count` bots rests, on average."""
    return min(max(RESTING, timedelta(seconds=count / RESTS_A_SECOND)), LONGEST_REST)
